# Uses a server as an infrastructure tool would, through the AWS CLI: create, read back, tag, change, read back, delete.
set -euo pipefail
export AWS_ENDPOINT_URL_CLOUDTRAIL=$1 AWS_DEFAULT_REGION=us-gov-east-1 AWS_ACCESS_KEY_ID=333333333333 AWS_SECRET_ACCESS_KEY=test
trail() { aws cloudtrail "$@" --output text; }
is() { if [ "$1" != "$2" ]; then echo "'$1' is not '$2'" >&2; exit 1; fi; }

arn=$(trail create-trail --name audit --s3-bucket-name logs --query TrailARN)
is "$arn" arn:aws-us-gov:cloudtrail:us-gov-east-1:333333333333:trail/audit
trail start-logging --name audit
trail put-insight-selectors --trail-name audit --insight-selectors '[{"InsightType": "ApiCallRateInsight"}]' >/dev/null
is "$(trail get-insight-selectors --trail-name audit --query 'InsightSelectors[].InsightType')" ApiCallRateInsight
trail add-tags --resource-id "$arn" --tags-list Key=team,Value=one
is "$(trail list-tags --resource-id-list "$arn" --query 'ResourceTagList[].TagsList[].Value')" one
trail update-trail --name audit --s3-bucket-name others >/dev/null
is "$(trail describe-trails --query 'trailList[].S3BucketName')" others
trail delete-trail --name audit
is "$(trail list-trails --query 'length(Trails)')" 0
if said=$(trail get-trail --name audit 2>&1); then echo "the trail is still there" >&2; exit 1; fi
case $said in *TrailNotFoundException*) ;; *) echo "$said" >&2; exit 1 ;; esac
echo done
