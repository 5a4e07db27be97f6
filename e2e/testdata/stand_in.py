"""Uses a server as an infrastructure tool would, through boto3: create, read back, tag, change, read back, delete."""
import sys

import boto3


def resource(client):
    def fails(name, call, **given):
        try:
            call(**given)
        except getattr(client.exceptions, name):
            return
        raise AssertionError(f"{name} was expected")

    made = client.create_trail(Name="audit", S3BucketName="logs", S3KeyPrefix="all", IsMultiRegionTrail=True,
                               TagsList=[{"Key": "team", "Value": "one"}])
    arn = made["TrailARN"]
    client.start_logging(Name=arn)
    client.put_insight_selectors(TrailName=arn, InsightSelectors=[{"InsightType": "ApiCallRateInsight"}])
    trail = client.describe_trails(trailNameList=[arn])["trailList"][0]
    assert (trail["S3KeyPrefix"], trail["HasInsightSelectors"], trail["IsMultiRegionTrail"]) == ("all", True, True), trail
    assert client.get_trail_status(Name=arn)["IsLogging"]
    assert [s["InsightType"] for s in client.get_insight_selectors(TrailName=arn)["InsightSelectors"]] == ["ApiCallRateInsight"]

    client.add_tags(ResourceId=arn, TagsList=[{"Key": "cost", "Value": "7"}])
    client.remove_tags(ResourceId=arn, TagsList=[{"Key": "team"}])
    assert client.list_tags(ResourceIdList=[arn])["ResourceTagList"][0]["TagsList"] == [{"Key": "cost", "Value": "7"}]

    client.update_trail(Name=arn, S3KeyPrefix="", EnableLogFileValidation=True)
    trail = client.get_trail(Name=arn)["Trail"]
    assert trail["LogFileValidationEnabled"] and "S3KeyPrefix" not in trail and trail["HasInsightSelectors"], trail
    client.put_insight_selectors(TrailName=arn, InsightSelectors=[])
    fails("InsightNotEnabledException", client.get_insight_selectors, TrailName=arn)
    fails("TrailAlreadyExistsException", client.create_trail, Name="audit", S3BucketName="logs")
    client.delete_trail(Name=arn)
    fails("TrailNotFoundException", client.get_trail, Name=arn)
    assert not [t for page in client.get_paginator("list_trails").paginate() for t in page["Trails"]]

    lake = client.create_event_data_store(Name="lake", RetentionPeriod=90)["EventDataStoreArn"]
    fails("EventDataStoreTerminationProtectedException", client.delete_event_data_store, EventDataStore=lake)
    client.update_event_data_store(EventDataStore=lake, TerminationProtectionEnabled=False)
    client.stop_event_data_store_ingestion(EventDataStore=lake)
    client.start_event_data_store_ingestion(EventDataStore=lake)
    store = client.get_event_data_store(EventDataStore=lake)
    assert (store["Name"], store["RetentionPeriod"], store["Status"]) == ("lake", 90, "ENABLED"), store
    assert [s["Name"] for s in client.list_event_data_stores()["EventDataStores"]] == ["lake"]
    client.delete_event_data_store(EventDataStore=lake)
    assert client.get_event_data_store(EventDataStore=lake)["Status"] == "PENDING_DELETION"


resource(boto3.client("cloudtrail", endpoint_url=sys.argv[1], region_name="eu-south-2",
                      aws_access_key_id="111111111111", aws_secret_access_key="test"))
print("done")
