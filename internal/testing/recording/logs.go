package recording

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// LogOptions say how log files are delivered.
type LogOptions struct {
	Seed    uint64
	Shuffle bool // records are in no order, and some come in a later file
	Double  bool // some are delivered twice
	Noise   bool // calls of other services stand between
	Digests bool // digest files stand beside
	PerFile int  // records in a file, at most; 0 is 50
}

// record is one record of a log, with what is needed to deliver it.
type record struct {
	account, region string
	time            time.Time
	body            map[string]any
	json            []byte
}

// Logs writes CloudTrail's log files as they are delivered to a bucket, below a folder.
func Logs(folder string, calls []Call, o LogOptions) error {
	random := rand.New(rand.NewPCG(o.Seed, 18))
	records := recordsOf(calls, random, o.Noise)
	type period struct {
		account, region string
		end             int64 // of five minutes
	}
	const length = 5 * 60
	files := map[period][]record{}
	for _, x := range records {
		p := period{x.account, x.region, x.time.Unix()/length*length + length}
		if o.Shuffle && random.IntN(5) == 0 {
			p.end += length
		}
		files[p] = append(files[p], x)
		if o.Double && random.IntN(4) == 0 {
			p.end += length
			files[p] = append(files[p], x)
		}
	}
	periods := slices.SortedFunc(maps.Keys(files), func(a, b period) int {
		return strings.Compare(fmt.Sprint(a.account, a.region, a.end), fmt.Sprint(b.account, b.region, b.end))
	})
	digests := map[period][]any{} // by hour
	for _, p := range periods {
		list := files[p]
		if o.Shuffle {
			random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
		for part := range slices.Chunk(list, max(o.PerFile, 50*btoi(o.PerFile == 0))) {
			end := time.Unix(p.end, 0).UTC()
			name := fmt.Sprintf("AWSLogs/%s/CloudTrail/%s/%s/%s_CloudTrail_%s_%s_%s.json.gz", p.account, p.region,
				end.Format("2006/01/02"), p.account, p.region, end.Format("20060102T1504Z"), unique(random))
			if err := write(filepath.Join(folder, filepath.FromSlash(name)), page(part)); err != nil {
				return err
			}
			byTime := func(a, b record) int { return a.time.Compare(b.time) }
			hour := period{p.account, p.region, p.end/3600*3600 + 3600}
			digests[hour] = append(digests[hour], map[string]any{"s3Bucket": "logs-of-a-test", "s3Object": name,
				"hashValue": strings.Repeat("0", 64), "hashAlgorithm": "SHA-256",
				"newestEventTime": stamp(slices.MaxFunc(part, byTime).time),
				"oldestEventTime": stamp(slices.MinFunc(part, byTime).time)})
		}
	}
	for p, list := range digests {
		if !o.Digests {
			break
		}
		end := time.Unix(p.end, 0).UTC()
		name := fmt.Sprintf("AWSLogs/%s/CloudTrail-Digest/%s/%s/%s_CloudTrail-Digest_%s_a-trail_%s_%s.json.gz", p.account,
			p.region, end.Format("2006/01/02"), p.account, p.region, p.region, end.Format("20060102T150405Z"))
		digest, err := json.Marshal(map[string]any{"awsAccountId": p.account, "digestS3Bucket": "logs-of-a-test",
			"digestStartTime": stamp(end.Add(-time.Hour)), "digestEndTime": stamp(end), "digestS3Object": name,
			"digestSignatureAlgorithm": "SHA256withRSA", "logFiles": list})
		if err == nil {
			err = write(filepath.Join(folder, filepath.FromSlash(name)), digest)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// page is the content of a log file.
func page(records []record) []byte {
	var list [][]byte
	for _, x := range records {
		list = append(list, x.json)
	}
	return slices.Concat([]byte(`{"Records":[`), bytes.Join(list, []byte(",")), []byte(`]}`))
}

// write writes a compressed file.
func write(path string, content []byte) error {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(content) // a buffer takes all
	_ = w.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, packed.Bytes(), 0o666)
}

// Lookup is what "aws cloudtrail lookup-events" prints of one account and Region.
func Lookup(calls []Call, seed uint64, account, region string) []byte {
	var events []any
	for _, x := range recordsOf(calls, rand.New(rand.NewPCG(seed, 18)), true) {
		if x.account != account || x.region != region {
			continue
		}
		resources := []any{}
		if in, ok := x.body["requestParameters"].(map[string]any); ok {
			for _, name := range []string{"name", "trailName"} {
				if in[name] != nil {
					resources = append(resources, map[string]any{"ResourceType": "AWS::CloudTrail::Trail",
						"ResourceName": in[name]})
				}
			}
		}
		events = append(events, map[string]any{"EventId": x.body["eventID"], "EventName": x.body["eventName"],
			"ReadOnly": fmt.Sprint(x.body["readOnly"]), "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
			"EventTime": x.time.Format("2006-01-02T15:04:05-07:00"), "EventSource": x.body["eventSource"],
			"Username": "tester", "Resources": resources, "CloudTrailEvent": string(x.json)})
	}
	slices.Reverse(events) // the newest comes first
	out, _ := json.MarshalIndent(map[string]any{"Events": events}, "", "    ")
	return append(out, '\n')
}

// recordsOf are the records of calls, in order.
func recordsOf(calls []Call, random *rand.Rand, noise bool) (list []record) {
	for i := range calls {
		c := &calls[i]
		account, region := c.caller()
		if !naming.IsRegion(region) {
			continue
		}
		if body := recordOf(c, random); body != nil {
			list = append(list, record{account, region, c.Start.UTC().Truncate(time.Second), body, nil})
		}
		if noise {
			at := c.Start.UTC().Truncate(time.Second)
			if i+1 < len(calls) {
				at = at.Add(calls[i+1].Start.Sub(c.Start) / 2).Truncate(time.Second)
			}
			body := frame(account, region, "sts.amazonaws.com", "GetCallerIdentity", at, true, random)
			body["requestParameters"], body["responseElements"] = nil, nil
			list = append(list, record{account, region, at, body, nil})
		}
	}
	for i := range list {
		list[i].json, _ = json.Marshal(list[i].body)
	}
	return list
}

// recordOf is the record of a call; nil where there is none. Of a call without an answer it says that the service failed.
func recordOf(c *Call, random *rand.Rand) map[string]any {
	op, modelled := c.operation()
	if !modelled || c.Method != "POST" {
		return nil
	}
	account, region := c.caller()
	body := frame(account, region, "cloudtrail.amazonaws.com", string(op), c.Start.UTC(), op.Reads(), random)
	r, _ := wire.DecodeRequest(c.Method, c.Request, c.Sent)
	reply := wire.DecodeAnswer(r, c.Status, c.Response, c.Received)
	body["requestParameters"], body["responseElements"] = plainValue(r.Input), nil
	code := reply.Answer.Code
	switch {
	case c.Status == 0 || reply.Answer.Outcome == model.Crashed:
		code = "InternalFailure"
	case code == "SerializationException" || r.Malformed():
		body["requestParameters"] = nil
	case reply.Answer.Outcome == model.Succeeded && !op.Reads() && len(reply.Body.Members()) > 0:
		body["responseElements"] = plainValue(reply.Body)
	}
	if code != "" {
		body["errorCode"], body["errorMessage"] = code, "The request was refused."
	}
	return body
}

// plainValue is a value as encoding/json has it, with the names of members as a log has them.
func plainValue(v value.Value) any {
	switch v.Kind() {
	case value.List:
		items := []any{}
		for _, item := range v.Items() {
			items = append(items, plainValue(item))
		}
		return items
	case value.Object:
		members := map[string]any{}
		for _, m := range v.Members() {
			members[lower(m.Name)] = plainValue(m.Value)
		}
		return members
	case value.Absent:
		return nil
	}
	return json.RawMessage(v.String())
}

// frame is what all records have.
func frame(account, region, source, name string, at time.Time, readOnly bool, random *rand.Rand) map[string]any {
	return map[string]any{
		"eventVersion": "1.11",
		"userIdentity": map[string]any{"type": "IAMUser", "principalId": "AIDACKCEVSQ6C2EXAMPLE",
			"arn": "arn:aws:iam::" + account + ":user/tester", "accountId": account, "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
			"userName": "tester"},
		"eventTime": stamp(at), "eventSource": source, "eventName": name, "awsRegion": region,
		"sourceIPAddress": "192.0.2.7", "userAgent": "aws-sdk-go-v2/1.40.0 ua/2.1 os/linux lang/go#1.26 api/cloudtrail#1.54.0",
		"requestID": uuid(random), "eventID": uuid(random), "readOnly": readOnly, "eventType": "AwsApiCall",
		"managementEvent": true, "recipientAccountId": account, "eventCategory": "Management",
		"tlsDetails": map[string]any{"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256",
			"clientProvidedHostHeader": strings.TrimSuffix(source, "amazonaws.com") + region + ".amazonaws.com"},
	}
}

func uuid(random *rand.Rand) string {
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", random.Uint32(), random.Uint32()>>16, random.Uint32()>>20,
		random.Uint32()>>20, random.Uint64()>>16)
}

func unique(random *rand.Rand) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	out := make([]byte, 16)
	for i := range out {
		out[i] = letters[random.IntN(len(letters))]
	}
	return string(out)
}
