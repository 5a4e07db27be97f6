// Uses a server as an infrastructure tool would, through the SDK for JavaScript: create, read back, tag, change, delete.
import assert from "node:assert/strict";
import * as sdk from "@aws-sdk/client-cloudtrail";

const client = new sdk.CloudTrail({
  endpoint: process.argv[2],
  region: "ca-west-1",
  credentials: { accessKeyId: "222222222222", secretAccessKey: "test" },
});
const fails = (name, call) => assert.rejects(call, (error) => error instanceof sdk[name]);

const { TrailARN: arn, $metadata } = await client.createTrail({ Name: "audit", S3BucketName: "logs", TagsList: [{ Key: "team", Value: "one" }] });
assert.match($metadata.requestId, /^[0-9a-f-]{36}$/);
await client.startLogging({ Name: arn });
await client.putInsightSelectors({ TrailName: arn, InsightSelectors: [{ InsightType: "ApiErrorRateInsight" }] });
const [trail] = (await client.describeTrails({})).trailList;
assert.deepEqual([trail.S3BucketName, trail.HomeRegion, trail.HasInsightSelectors], ["logs", "ca-west-1", true]);
await client.addTags({ ResourceId: arn, TagsList: [{ Key: "team", Value: "two" }] });
const { ResourceTagList } = await client.listTags({ ResourceIdList: [arn] });
assert.deepEqual(ResourceTagList[0].TagsList, [{ Key: "team", Value: "two" }]);
await client.updateTrail({ Name: arn, EnableLogFileValidation: true });
assert.equal((await client.getTrail({ Name: arn })).Trail.LogFileValidationEnabled, true);
await fails("InvalidParameterCombinationException", client.updateTrail({ Name: arn, IsMultiRegionTrail: true, IncludeGlobalServiceEvents: false }));
await fails("InvalidEventSelectorsException", client.putEventSelectors({ TrailName: arn }));
const names = [];
for await (const page of sdk.paginateListTrails({ client }, {})) {
  names.push(...page.Trails.map((t) => t.Name));
}
assert.deepEqual(names, ["audit"]);

const { EventDataStoreArn: lake } = await client.createEventDataStore({ Name: "lake" });
await fails("EventDataStoreTerminationProtectedException", client.deleteEventDataStore({ EventDataStore: lake }));
const store = await client.getEventDataStore({ EventDataStore: lake });
assert.ok(store.CreatedTimestamp instanceof Date);
assert.equal(store.RetentionPeriod, 366);
await client.deleteTrail({ Name: arn });
await fails("TrailNotFoundException", client.getInsightSelectors({ TrailName: arn }));
console.log("done");
