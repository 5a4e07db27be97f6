// Package endpoint is the target for anything that speaks CloudTrail's protocol at some URL: an
// emulator, a mock server, the embedded server.
//
// Requests go out through the AWS SDK where it can express them, else over the same connections,
// signed alike, with bytes of our own. Every answer is read from what was on the wire, never from
// what the SDK makes of it. Nothing but the given URL is contacted; hosts of AWS are refused.
package endpoint

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

var defaultRegions = []string{"us-east-1", "eu-west-1"}

// DefaultTimeout is how long a request may take where the options say nothing.
const DefaultTimeout = 10 * time.Second

// Options say which endpoint to use, and how.
type Options struct {
	URL     string
	Regions []string      // the home Region and, where given, another one
	Bucket  string        // for trails; empty makes one through the endpoint's S3
	Timeout time.Duration // of one request, its answer included
	Conns   int           // how many connections are kept; 0 is 16

	// Wait is how long Open waits until something listens; 0 is not at all.
	Wait time.Duration
	// Headers are sent with each request beside its own, as "Name: value".
	Headers []string
	// Proxy says which proxy a request goes through, such as http.ProxyFromEnvironment; nil is none.
	Proxy Proxy
	// RootCAs are trusted instead of the system's; nil is those.
	RootCAs *x509.CertPool

	// UseEnvironmentCredentials signs with the keys that the SDK's chain finds without a request, instead of test/test.
	UseEnvironmentCredentials bool
	// Credentials, where not nil, is sent instead of either.
	Credentials aws.CredentialsProvider

	Pace Pacer // nil is as fast as the target answers
	// Apart says that each world has an account for itself, as Credentials tell, so that nothing is used again.
	Apart bool
	// Transport, where not nil, carries the requests instead of the network.
	Transport http.RoundTripper
}

// Pacer keeps CloudTrail's requests below a rate; Regions are the target's own names of them.
type Pacer interface {
	// Wait returns when a request may be sent, or with the error of a context that is done.
	Wait(ctx context.Context, region string, write bool) error
	// Throttled tells that a request was refused for coming too fast.
	Throttled(region string, write bool)
}

// Target is an endpoint. Make it with New.
type Target struct {
	options Options
	url     *url.URL
	caller  *Caller

	sighted sighting // the best that was seen of it

	names targets.Names // as far as known; unsure until a trail's ARN has shown the account

	conditions []string   // what the arranging extension offers
	made       bool       // the shared bucket, here
	s3         *s3.Client // nil where the endpoint has no S3
	keys       bool       // can be made

	pools   sync.Map     // of event data stores, by Region
	left    atomic.Int64 // resources of worlds that could not be deleted
	example atomic.Value // the name of the first
}

func (t *Target) arranges(condition string) bool { return slices.Contains(t.conditions, condition) }

// New checks the options; nothing is sent before Open.
func New(options Options) (*Target, error) {
	u, err := CheckURL(options.URL)
	if err != nil {
		return nil, err
	}
	if len(options.Regions) == 0 {
		options.Regions = defaultRegions
	}
	if len(options.Regions) > 2 || len(options.Regions) == 2 && options.Regions[0] == options.Regions[1] {
		return nil, usage("name one Region or two different ones")
	}
	for _, region := range options.Regions {
		if !regionSyntax.MatchString(region) {
			return nil, usage("%q is no Region; write one such as us-east-1", wire.Printable(region))
		}
	}
	if options.Timeout < 0 || options.Conns < 0 || options.Wait < 0 {
		return nil, usage("timeout, wait and number of connections must not be negative")
	}
	for _, header := range options.Headers {
		if _, _, err := ParseHeader(header); err != nil {
			return nil, usage("header: %s", err)
		}
	}
	options.Timeout, options.Conns = cmp.Or(options.Timeout, DefaultTimeout), cmp.Or(options.Conns, 16)
	return &Target{options: options, url: u, names: targets.Names{Partition: model.DefaultWorld.Partition,
		Account: model.DefaultWorld.Account, Unsure: true, Regions: options.Regions}}, nil
}

var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// own are the headers that a request has by itself.
var own = []string{"authorization", "host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection"}

// ParseHeader splits "Name: value". What a request has by itself, or signs, cannot be given.
func ParseHeader(text string) (name, value string, err error) {
	name, value, ok := strings.Cut(text, ":")
	value = strings.TrimSpace(value)
	if !ok || !headerName.MatchString(name) || strings.ContainsFunc(value, unicode.IsControl) {
		return "", "", errors.New(`must be "Name: value"`)
	}
	if lower := strings.ToLower(name); slices.Contains(own, lower) || strings.HasPrefix(lower, "x-amz-") || strings.HasPrefix(lower, "amz-sdk-") {
		return "", "", fmt.Errorf("each request sets %s itself; leave it out", name)
	}
	return name, value, nil
}

var regionSyntax = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)

// Open implements targets.Target: it finds the prefix and the account of the endpoint, and what it can do.
func (t *Target) Open(ctx context.Context) (targets.Info, error) {
	info := targets.Info{Name: "endpoint", Endpoint: t.url.String(), Region: t.options.Regions[0], RawRequests: true, Overlap: true}
	var err error
	if t.options.Credentials, err = t.provider(ctx); err != nil {
		return info, err
	}
	t.caller = NewCaller(t.url, t.options, nil)
	note, err := t.findPrefix(ctx)
	for began := time.Now(); errors.Is(err, targets.ErrUnreachable) && time.Since(began) < t.options.Wait && targets.Sleep(ctx, waitPause); {
		note, err = t.findPrefix(ctx)
	}
	if err != nil {
		return info, err
	}
	for _, note := range []string{note, t.options.Proxy.note(t.url)} {
		if note != "" {
			info.Notes = append(info.Notes, note)
		}
	}
	t.findExtension(ctx)
	info.Notes = append(info.Notes, t.findSupport(ctx)...)
	checksBucket, checksKey := t.probeTrails(ctx, &info)
	if ctx.Err() != nil || info.Lent { // what is spoilt around a trail that is lent stays so
		return info, ctx.Err()
	}
	info.Buckets = t.arranges("bucket-missing") && t.arranges("bucket-denied") || t.s3 != nil && checksBucket
	info.Keys = t.arranges("key-denied") && t.arranges("key-unusable") || checksKey && t.keysWork(ctx)
	info.Arrange = !slices.ContainsFunc(model.ConditionNames[:], func(name string) bool { return !t.arranges(name) })
	return info, nil
}

// ask sends a request of the target's own, outside any world.
func (t *Target) ask(ctx context.Context, region string, op model.Op, input value.Value) targets.Reply {
	reply, _ := t.patiently(ctx, region, model.Request{Op: op, Input: input})
	return reply
}

// waitPause is between two looks whether something listens.
const waitPause = 200 * time.Millisecond

// longestPause is how long a request of the target's own waits at most before it is repeated.
const longestPause = 2 * time.Second

// patiently repeats a request for as long as the target throttles, or is busy: neither is an answer.
func (t *Target) patiently(ctx context.Context, region string, r model.Request) (targets.Reply, *exchanged) {
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		reply, x := t.caller.ask(ctx, region, r)
		code := reply.Answer.Code
		if !wire.Throttled(code) && code != wire.Busy || pause > longestPause || !targets.Sleep(ctx, pause) {
			return reply, x
		}
	}
}

// sighting is what an answer shows of the server.
type sighting uint8

const (
	stranger  sighting = iota // no CloudTrail
	absent                    // the protocol, but not the operation
	plausible                 // an error that the operation may answer, or a front door that knows no better
	works
)

func look(x *exchanged, reply targets.Reply) sighting {
	a := reply.Answer
	exception := strings.HasSuffix(a.Code, "Exception")
	switch {
	case x.err != nil:
		return stranger
	case a.Outcome == model.Succeeded:
		if len(x.received) > 0 && len(reply.Body.Members()) == 0 {
			return works
		}
		for _, m := range reply.Body.Members() {
			if slices.Contains([]string{"trailarn", "insightselectors", "eventdatastorearn", "islogging"}, strings.ToLower(m.Name)) {
				return works
			}
		}
		return stranger
	case a.Outcome == model.Refused && x.status == http.StatusNotFound && !exception:
		return stranger
	case a.Outcome == model.Refused && (strings.Contains(a.Code, "NotFound") || strings.Contains(a.Code, "NotEnabled")):
		return works
	case a.Outcome == model.Refused && a.Code != "" && !wire.Absent(a.Code):
		return plausible
	case reply.Body.Get("__type").Text() != "":
		return absent
	}
	return stranger
}

// findPrefix asks about a trail that does not exist, until one question is answered as CloudTrail would.
func (t *Target) findPrefix(ctx context.Context) (note string, err error) {
	name := "conform-probe-" + naming.NewTag()
	probes := []model.Request{
		{Op: model.OpGet, Input: value.Obj("TrailName", name)},
		{Op: model.OpStatus, Input: value.Obj("Name", name)},
		{Op: model.OpPut, Input: value.Obj("TrailName", name, "InsightSelectors", value.ListOf())},
	}
	// Where errors have no code, only a success shows what answers.
	create := model.Request{Op: model.OpCreate, Input: value.Obj("Name", name, "S3BucketName", cmp.Or(t.options.Bucket,
		generators.SharedBucket))}
	seen, best, long, nameless, late := "", stranger, false, false, 0
search:
	for _, r := range append(probes, create) {
		if r.Op == model.OpCreate && (best != stranger || !nameless) {
			break
		}
		for _, r.OtherTarget = range []bool{false, true} {
			reply, x := t.patiently(ctx, t.options.Regions[0], r)
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			targets.Asked(ctx, r, reply)
			if reply.TimedOut {
				if late++; late < 2 {
					break // maybe it does so to this operation alone
				}
			}
			if x.err != nil && x.status == 0 && !isLost(x.err) {
				return "", t.unreachable(ctx, x.err)
			}
			nameless = nameless || reply.Answer.Outcome == model.Refused && reply.Answer.Code == "" && len(reply.Body.Members()) > 0
			if r.Op == model.OpCreate && reply.Answer.Outcome == model.Succeeded {
				t.caller.Send(ctx, t.options.Regions[0], model.Request{Op: model.OpDelete, OtherTarget: r.OtherTarget, Input: value.Obj("Name", name)})
			}
			if got := look(x, reply); got > best {
				best, long = got, r.OtherTarget
			}
			if best == works {
				break search
			}
			seen = cmp.Or(seen, reply.Problem, fmt.Sprintf("HTTP %d %s", x.status, x.header.Get("Content-Type")))
		}
	}
	t.sighted = best
	switch best {
	case stranger:
		return "", fmt.Errorf("%w: something answers at %s, but not as CloudTrail: %s; check --endpoint",
			targets.ErrUnreachable, t.url, wire.Printable(seen))
	case absent:
		note = "none of the operations asked for seems to exist"
	}
	if t.caller.long = long; long {
		note = "only the long X-Amz-Target prefix is understood"
	}
	return note, nil
}

func (t *Target) unreachable(ctx context.Context, err error) error {
	if errors.Is(err, targets.ErrRefused) {
		return errMetadata
	}
	text := t.caller.problem(ctx, err)
	if text == "connection refused" {
		return fmt.Errorf("%w: nothing listens at %s; start the emulator or check --endpoint", targets.ErrUnreachable, t.url)
	}
	if errors.Is(err, errCredentials) {
		return usage("%s", text)
	}
	return fmt.Errorf("%w: %s: %s; check --endpoint", targets.ErrUnreachable, t.url, text)
}

// probeTrails makes and deletes trails, to learn the account, of a second Region, and what CreateTrail checks.
func (t *Target) probeTrails(ctx context.Context, info *targets.Info) (checksBucket, checksKey bool) {
	home := t.options.Regions[0]
	tag, n, deleted, gone := naming.NewTag(), 0, true, targets.Reply{}
	var create func(region, bucket, key string) targets.Reply
	create = func(region, bucket, key string) targets.Reply {
		n++
		name := fmt.Sprintf("conform-probe-%s-%d", tag, n)
		input := value.Obj("Name", name, "S3BucketName", bucket)
		if key != "" {
			input = input.With("KmsKeyId", value.Str(key))
		}
		reply := t.ask(ctx, region, model.OpCreate, input)
		if reply.Answer.Outcome != model.Refused {
			gone = t.ask(ctx, region, model.OpDelete, value.Obj("Name", name))
			deleted = deleted && (gone.Answer.Outcome == model.Succeeded || !reply.Answer.Definite())
		}
		if !reply.Answer.Definite() && n == 1 { // on a bad day
			return create(region, bucket, key)
		}
		return reply
	}
	first := create(home, t.names.Bucket, "")
	if first.Answer.Outcome != model.Succeeded {
		t.learnFromSTS(ctx)
		why := cmp.Or(first.Problem, strings.TrimSpace(fmt.Sprintf("HTTP %d %s", first.Status, first.Answer.Code)))
		info.Notes = append(info.Notes, "a trail could not be made: "+wire.Printable(why))
		return false, false
	}
	if t.names.Unsure = !naming.Learn(&t.names, naming.ARNWithin(first.Body, ":cloudtrail:")); t.names.Unsure {
		t.learnFromSTS(ctx)
	}
	if len(t.options.Regions) > 1 {
		away := t.options.Regions[1]
		second := create(away, t.names.Bucket, "")
		if info.Away = second.Answer.Outcome == model.Succeeded && naming.ARNWithin(second.Body, ":cloudtrail:"+away+":") != ""; !info.Away {
			info.Notes = append(info.Notes, "a second Region keeps no trails of its own")
		}
	}
	if !deleted { // what stays may count against a quota, so no more of it
		if wire.Missing(gone) {
			t.lend(ctx, info, "conform-probe-"+tag)
		}
		return false, false
	}
	checksBucket = t.s3 != nil && create(home, "conform-no-bucket-"+tag, "").Answer.Outcome == model.Refused
	unknown := fmt.Sprintf("arn:aws:kms:%s:%s:key/00000000-0000-4000-8000-000000000000", home, t.names.Account)
	return checksBucket, create(home, t.names.Bucket, unknown).Answer.Outcome == model.Refused
}

// fewTrails is more than the quota of the service.
const fewTrails = 6

// lend makes trails for all worlds to use, one world after the other, where none can be deleted and few be made.
func (t *Target) lend(ctx context.Context, info *targets.Info, prefix string) {
	made := []string{prefix + "-1"}
	for len(made) < fewTrails {
		name := fmt.Sprintf("%s-lent-%d", prefix, len(made))
		reply := t.ask(ctx, info.Region, model.OpCreate, value.Obj("Name", name, "S3BucketName", t.names.Bucket))
		if reply.Answer.Outcome != model.Succeeded {
			t.names.Trails, info.Lent, info.Serial, info.Away, info.Room = made, true, true, false, len(made)
			info.Notes = append(info.Notes, fmt.Sprintf("DeleteTrail is absent, and the quota is reached: %d trails, such as %s, are turned off and used again, and stay",
				len(made), made[0]))
			return
		}
		made = append(made, name)
	}
}

// Close implements targets.Target.
func (t *Target) Close() error {
	if t.caller == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), t.options.Timeout)
	defer cancel()
	for _, p := range t.pools.Range {
		t.empty(ctx, p.(*pool))
	}
	var err error
	if t.made && DropBucket(ctx, t.s3, t.names.Bucket) != nil {
		err = fmt.Errorf("the bucket %s could not be deleted", t.names.Bucket)
	}
	t.made = false
	if left := t.left.Swap(0); left > 0 {
		err = errors.Join(err, fmt.Errorf("not all that was made could be deleted: %d left, such as %s", left, t.example.Load()))
	}
	if transport, ok := t.caller.options.Transport.(*http.Transport); ok {
		transport.CloseIdleConnections()
	}
	return err
}

// provider chooses the credentials; all requests are signed, because some servers route by that.
func (t *Target) provider(ctx context.Context) (aws.CredentialsProvider, error) {
	if t.options.Credentials != nil {
		return t.options.Credentials, nil
	}
	if !t.options.UseEnvironmentCredentials {
		return credentials.NewStaticCredentialsProvider("test", "test", ""), nil
	}
	provider, found := atHand(ctx)
	if provider != nil {
		return provider, nil
	}
	return nil, usage("--use-environment-credentials takes only keys that no request is needed for, and found %s; export "+
		"AWS_ACCESS_KEY_ID and so on, as 'aws configure export-credentials --format env' prints them, or leave it out", found)
}

// atHand finds credentials in the order of the SDK's chain, nil where they take a request: that would show tokens to
// whoever answers it. found says what is there instead.
func atHand(ctx context.Context) (provider aws.CredentialsProvider, found string) {
	env, _ := config.NewEnvConfig() // it complains of other things
	profile := cmp.Or(env.SharedConfigProfile, "default")
	shared, _ := config.LoadSharedConfigProfile(ctx, profile, func(o *config.LoadSharedConfigOptions) {
		if env.SharedConfigFile != "" {
			o.ConfigFiles = []string{env.SharedConfigFile}
		}
		if env.SharedCredentialsFile != "" {
			o.CredentialsFiles = []string{env.SharedCredentialsFile}
		}
	})
	switch s := shared; {
	case env.Credentials.HasKeys():
		return credentials.StaticCredentialsProvider{Value: env.Credentials}, ""
	case env.WebIdentityTokenFilePath != "":
		return nil, "AWS_WEB_IDENTITY_TOKEN_FILE (web identity)"
	case s.RoleARN != "":
		return nil, "role_arn (a role to assume) in the profile " + profile
	case s.Credentials.HasKeys():
		return credentials.StaticCredentialsProvider{Value: s.Credentials}, ""
	case s.SSOSessionName+s.SSOAccountID+s.SSORegion+s.SSORoleName+s.SSOStartURL != "":
		return nil, "an SSO session in the profile " + profile
	case s.LoginSession != "":
		return nil, "a login session in the profile " + profile
	case s.CredentialProcess != "":
		return aws.NewCredentialsCache(processcreds.NewProvider(s.CredentialProcess)), ""
	case env.ContainerCredentialsRelativePath+env.ContainerCredentialsEndpoint != "":
		return nil, "AWS_CONTAINER_CREDENTIALS_… (the role of a container)"
	}
	return nil, "none in the environment, nor any that can be read in the profile " + profile
}
