package account

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	endpoints "github.com/aws/smithy-go/endpoints"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/gate"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// service is a connection to one account whose guards have agreed.
type service struct {
	options   Options
	gate      *gate.Gate
	transport *http.Transport
	ledger    *ledger.Ledger // nil before it is opened, and for a sweep by prefix
	account   string
	caller    string // its ARN
	partition string
	notes     []string

	callers map[string]*endpoint.Caller // of CloudTrail, by Region
	s3      *s3.Client                  // in the home Region
}

// check reads the options. Nothing is sent.
func (o *Options) check() error {
	if len(o.Accounts) == 0 {
		return usage("--target account needs --account ID, the account that may be changed")
	}
	for _, id := range o.Accounts {
		switch {
		case !naming.IsAccount(id):
			return usage("--account: an account id has 12 digits")
		case id == gate.OtherAccount:
			return usage("--account: %s is a number that AWS keeps for examples", id)
		}
	}
	if len(o.Regions) == 0 {
		return usage("--target account needs --regions, such as --regions us-east-1: it takes none from the environment")
	}
	for i, region := range o.Regions {
		switch {
		case !ledger.ValidRegion(region):
			return usage("--regions: %q is no Region; write one such as us-east-1", wire.Printable(region))
		case slices.Contains(o.Regions[:i], region):
			return usage("--regions names %s twice", region)
		case naming.PartitionOf(region) != naming.PartitionOf(o.Regions[0]):
			return usage("--regions: %s and %s belong to different partitions", o.Regions[0], region)
		}
	}
	if o.Timeout < 0 || o.Settle < 0 {
		return usage("a time limit must not be negative")
	}
	o.Timeout, o.Settle = cmp.Or(o.Timeout, endpoint.DefaultTimeout), cmp.Or(o.Settle, defaultSettle)
	return ledger.CheckPrefix(o.Prefix)
}

// endpointOverride names what in the environment would send the SDK elsewhere, empty where nothing does. What
// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS says makes no difference: an override was meant for something else than this.
func endpointOverride(environ []string) string {
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		name = strings.ToUpper(name)
		if value != "" && (name == "AWS_ENDPOINT_URL" || strings.HasPrefix(name, "AWS_ENDPOINT_URL_") ||
			name == "AWS_CA_BUNDLE" || name == "SSL_CERT_FILE" || name == "SSL_CERT_DIR") { // Go heeds the last two
			return name
		}
	}
	return ""
}

// sharedOverride does the same for the profile in use and those that it takes credentials from.
func sharedOverride(shared *config.SharedConfig) string {
	for at := shared; at != nil; at = at.Source {
		switch {
		case at.BaseEndpoint != "":
			return "endpoint_url in the profile " + wire.Printable(at.Profile)
		case at.ServicesSectionName != "" || len(at.Services.ServiceValues) > 0:
			return "services in the profile " + wire.Printable(at.Profile)
		}
	}
	return ""
}

// credentialsOf loads the SDK's chain, unless something would send its requests or ours elsewhere.
func credentialsOf(ctx context.Context, region string, proxy endpoint.Proxy) (aws.CredentialsProvider, error) {
	const remedy = "unset it: the account target talks to the service itself alone"
	if name := endpointOverride(os.Environ()); name != "" {
		return nil, gate.Refuse(gate.GuardEndpoint, "%s is set; %s", name, remedy)
	}
	// A client of our own, so that HTTPS_PROXY changes nothing but by the proxy that is given.
	direct := &http.Client{Transport: through(proxy, newTransport(30*time.Second)),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithHTTPClient(direct))
	if err != nil {
		return nil, usage("the SDK's configuration cannot be read; see AWS_PROFILE and the files in ~/.aws, which must name no ca_bundle")
	}
	for _, source := range cfg.ConfigSources {
		if shared, ok := source.(config.SharedConfig); ok {
			if name := sharedOverride(&shared); name != "" {
				return nil, gate.Refuse(gate.GuardEndpoint, "the shared configuration has %s; %s", name, remedy)
			}
		}
	}
	if cfg.BaseEndpoint != nil {
		return nil, gate.Refuse(gate.GuardEndpoint, "the SDK's configuration names another endpoint; %s", remedy)
	}
	return cfg.Credentials, nil
}

func newTransport(timeout time.Duration) *http.Transport {
	return endpoint.NewTransport(&net.Dialer{Timeout: timeout}, 16, 10*time.Second)
}

// through has HTTPS alone go through a proxy: there the certificate shows that the service itself is at the other end.
// Credentials of instances and containers come by HTTP, and from nearby.
func through(proxy endpoint.Proxy, transport *http.Transport) *http.Transport {
	if proxy != nil {
		transport.Proxy = func(req *http.Request) (*url.URL, error) {
			if req.URL.Scheme != "https" {
				return nil, nil
			}
			return proxy(req)
		}
	}
	return transport
}

// resolve fixes the endpoints of all services, from the SDK's own table of them.
func (s *service) resolve(ctx context.Context) error {
	fix := func(name, region string) func(endpoints.Endpoint, error) error {
		return func(found endpoints.Endpoint, err error) error {
			to := cmp.Or(s.options.endpoint, &found.URI)
			if s.options.endpoint == nil && (err != nil || to.Scheme != "https" || to.Host == "") {
				return usage("--regions: the SDK knows no endpoint of %s for %s", name, region)
			}
			s.gate.Fix(name, region, to)
			return nil
		}
	}
	for _, region := range s.options.Regions {
		ofRegion := cloudtrail.EndpointParameters{Region: &region}
		if err := fix(gate.CloudTrail, region)(cloudtrail.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, ofRegion)); err != nil {
			return err
		}
	}
	home := s.options.Regions[0]
	ofHome := sts.EndpointParameters{Region: &home, UseGlobalEndpoint: aws.Bool(false)}
	return errors.Join(
		fix(gate.STS, home)(sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, ofHome)),
		fix(gate.IAM, home)(iam.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, iam.EndpointParameters{Region: &home})),
		fix(gate.Organizations, home)(organizations.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, organizations.EndpointParameters{Region: &home})),
		fix(gate.S3, home)(s3.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, s3.EndpointParameters{Region: &home})))
}

// globalRegion is the Region that requests to the global services are signed for.
func globalRegion(partition string) string {
	return cmp.Or(map[string]string{"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}[partition], "us-east-1")
}

// connect asks the account who it is, and returns only if all guards that concern the account agree.
func connect(ctx context.Context, o Options) (*service, error) {
	err := o.check()
	if o.Ledger != "" && err == nil {
		_, err = ledger.ReadPrefix(ctx, o.Ledger) // before anything is sent
	}
	if err != nil {
		return nil, err
	}
	s := &service{options: o, gate: gate.New(o.Regions, o.AllowLogging, o.Stores), callers: map[string]*endpoint.Caller{}}
	if err := s.resolve(ctx); err != nil {
		return nil, err
	}
	chain := o.credentials
	if chain == nil {
		if chain, err = credentialsOf(ctx, o.Regions[0], o.Proxy); err != nil {
			return nil, err
		}
	}
	chain = aws.NewCredentialsCache(chain)
	if _, err := chain.Retrieve(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, usage("the SDK's credential chain gives no credentials; log in, or set AWS_PROFILE or AWS_ROLE_ARN")
	}
	s.transport = through(o.Proxy, newTransport(o.Timeout))
	outside := s.gate.Transport(s.transport)
	for _, region := range o.Regions {
		options := endpoint.Options{Timeout: o.Timeout, Transport: outside, Credentials: chain, Pace: o.Pace}
		s.callers[region] = endpoint.NewCaller(s.gate.Base(gate.CloudTrail, region), options, s.gate.At(gate.CloudTrail, region))
	}
	if err := s.identify(ctx); err != nil {
		s.transport.CloseIdleConnections()
		return nil, err
	}
	s.s3 = endpoint.NewS3(s.config(gate.S3, o.Regions[0]))
	return s, nil
}

// config is that of clients of a service, whose requests are signed for a Region.
func (s *service) config(name, signed string) aws.Config {
	home := s.options.Regions[0]
	return s.callers[home].Config(s.gate.Base(name, home), signed, s.gate.At(name, home))
}

// identify holds the guards of the account, its alias and its organization.
func (s *service) identify(ctx context.Context) error {
	home := s.options.Regions[0]
	who, err := sts.NewFromConfig(s.config(gate.STS, home)).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return s.asking(ctx, "STS", "GetCallerIdentity", err)
	}
	account := aws.ToString(who.Account)
	if !slices.Contains(s.options.Accounts, account) {
		return gate.Refuse(gate.GuardAccount, "the credentials are those of an account that --account does not name")
	}
	s.account, s.caller, s.partition = account, aws.ToString(who.Arn), naming.PartitionOf(home)
	if caller, err := arn.Parse(aws.ToString(who.Arn)); err == nil && caller.Partition != s.partition {
		return gate.Refuse(gate.GuardRegion, "the credentials belong to the partition %s, and %s to another",
			wire.Printable(caller.Partition), home)
	}
	if err := s.checkAlias(ctx); err != nil || s.options.AllowManagementAccount {
		return err
	}
	return s.checkOrganization(ctx)
}

func (s *service) checkAlias(ctx context.Context) error {
	client := iam.NewFromConfig(s.config(gate.IAM, globalRegion(s.partition)))
	aliases, err := client.ListAccountAliases(ctx, &iam.ListAccountAliasesInput{})
	switch {
	case errors.Is(err, targets.ErrRefused):
		return err
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !s.options.AllowUnknownAlias:
		return gate.Refuse(gate.GuardAlias, "the account's alias cannot be read (%s); permit iam:ListAccountAliases, or pass --allow-unknown-alias if this is no production account", codeOf(err))
	case err != nil:
		s.notes = append(s.notes, "the account's alias is not known: iam:ListAccountAliases answered "+codeOf(err))
	case slices.ContainsFunc(aliases.AccountAliases, func(alias string) bool { return strings.Contains(strings.ToLower(alias), "prod") }):
		return gate.Refuse(gate.GuardAlias, "the account's alias contains prod")
	}
	return nil
}

func (s *service) checkOrganization(ctx context.Context) error {
	const remedy = "pass --allow-management-account"
	client := organizations.NewFromConfig(s.config(gate.Organizations, globalRegion(s.partition)))
	out, err := client.DescribeOrganization(ctx, &organizations.DescribeOrganizationInput{})
	manager := ""
	if err == nil && out.Organization != nil {
		manager = aws.ToString(out.Organization.MasterAccountId)
	}
	switch {
	case errors.Is(err, targets.ErrRefused):
		return err
	case codeOf(err) == "AWSOrganizationsNotInUseException":
		return nil
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return gate.Refuse(gate.GuardOrganization, "it cannot be told whether the account manages an organization (%s); permit organizations:DescribeOrganization, or %s", codeOf(err), remedy)
	case !naming.IsAccount(manager):
		return gate.Refuse(gate.GuardOrganization, "DescribeOrganization does not tell which account manages the organization; %s if this one may be changed all the same", remedy)
	case manager == s.account:
		return gate.Refuse(gate.GuardOrganization, "the account manages an organization; %s if it may be changed all the same", remedy)
	}
	return nil
}

var (
	usage        = targets.Class(targets.ErrUsage)
	unreachable  = targets.Class(targets.ErrUnreachable)
	inconclusive = targets.Class(targets.ErrInconclusive)
)

// codeOf is the code of an error of the service, or what kind of failure it is.
func codeOf(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return wire.Printable(api.ErrorCode())
	case errors.Is(err, targets.ErrRefused), errors.Is(err, targets.ErrInconclusive):
		return reason(err)
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	return "no answer"
}

// asking classes the error of a question to a service.
func (s *service) asking(ctx context.Context, service, op string, err error) error {
	code := codeOf(err)
	var api smithy.APIError
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.Is(err, targets.ErrRefused):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &untrusted):
		return unreachable("%s: TLS: the certificate is not trusted; %s", op, endpoint.Inspected)
	case !errors.As(err, &api):
		return unreachable("%s: %s; see whether this machine reaches %s in %s", op, code, service, s.options.Regions[0])
	case wire.Denied(code):
		return inconclusive("%s answered %s; 'conform iam-policy' prints what a run must be permitted", op, code)
	}
	if hint := hintOf(code, api.ErrorMessage()); hint != "" {
		code += ": " + hint
	}
	return inconclusive("%s answered %s", op, code)
}

// problem classes what came instead of a success to a request of the target's own.
func (s *service) problem(ctx context.Context, region string, op model.Op, reply targets.Reply) error {
	a, code := reply.Answer, wire.Printable(reply.Answer.Code)
	switch {
	case reply.Err != nil:
		return reply.Err
	case ctx.Err() != nil:
		return ctx.Err()
	case a.Outcome == model.Succeeded:
		return nil
	case a.Outcome != model.Refused:
		return unreachable("%s in %s: %s; see whether this machine reaches the service, and whether the Region exists and is enabled",
			op, region, reply.Problem)
	case wire.Denied(a.Code):
		return inconclusive("%s in %s answered %s; 'conform iam-policy' prints what a run must be permitted", op, region, code)
	case wire.Absent(a.Code) || a.Code == "":
		return inconclusive("%s does not offer %s; choose another of --regions", region, op)
	}
	return inconclusive("%s in %s answered %s", op, region, code)
}

// hintOf says what to do about an answer that concerns the caller and not the target.
func hintOf(code, message string) string {
	skewed := slices.Contains([]string{"RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"}, code)
	for _, text := range []string{"signature expired", "not yet current", "request has expired"} {
		skewed = skewed || strings.Contains(strings.ToLower(message), text)
	}
	switch {
	case wire.Expired(code):
		return "the credentials have expired; renew them, and let 'conform sweep' remove what is left"
	case wire.BadSignature(code) && !skewed:
		return "the signature does not fit; check the credentials, and this machine's clock"
	case wire.BadCredentials(code):
		return "the credentials are not valid; check them"
	case code == "OptInRequired" || code == "SubscriptionRequiredException":
		return "the account is not opted in to the Region or service"
	case skewed:
		return "the clock of this machine is wrong; set it, for example with NTP"
	}
	return ""
}

// call sends a request of the target's own, outside any world, and waits out throttling.
func (s *service) call(ctx context.Context, region string, op model.Op, input value.Value) targets.Reply {
	r := model.Request{Op: op, Input: input}
	for pause := 200 * time.Millisecond; ; pause *= 2 {
		reply := s.send(ctx, region, r)
		if !wire.Repeatable(reply.Answer.Code) || reply.Err != nil || pause > 4*time.Second || !targets.Sleep(ctx, pause) {
			return reply
		}
	}
}

// send sends one request. What concerns the caller and not the target becomes Reply.Err.
func (s *service) send(ctx context.Context, region string, r model.Request) targets.Reply {
	caller, ok := s.callers[region]
	if !ok {
		err := gate.Refuse(gate.GuardRegion, "%s is not one of --regions", wire.Printable(region))
		return targets.Reply{Problem: err.Error(), Err: err}
	}
	reply := caller.Send(ctx, region, r)
	message := reply.Body.Get("Message").Text() + reply.Body.Get("message").Text()
	hide := func(text string) string { return s.hide(false, text) } // not the account, which names need
	for _, text := range []*string{&reply.Answer.Code, &reply.Answer.TrailARN, &reply.Answer.StoreARN, &reply.Answer.Destination, &reply.Answer.Alien} {
		*text = hide(*text)
	}
	reply.Body = generators.MapStrings(reply.Body, hide)
	if hint := hintOf(reply.Answer.Code, message); hint != "" && reply.Err == nil {
		reply.Err = inconclusive("%s answered %s: %s", r.Op, wire.Printable(reply.Answer.Code), hint)
	}
	hideAll := func(text string) string { return s.hide(!s.options.KeepAccountIDs || reply.Err != nil, text) }
	reply.Received, reply.Sent = []byte(hideAll(string(reply.Received))), []byte(hideAll(string(reply.Sent)))
	reply.Problem = s.hide(true, reply.Problem)
	return reply
}

// secretPatterns finds keys of others, and the parts of a signature, which some errors repeat.
var secretPatterns = regexp.MustCompile(`\b(AKIA|ASIA)[A-Z0-9]{12,}\b|(?i)(x-amz-security-token|x-amz-signature|signature)(["']?\s*[=:]\s*["']?)[A-Za-z0-9+/=%]{16,}|AWS4-HMAC-SHA256[^"<]*`)

// hide takes the caller's name out of a text, and the account if it should. No answer repeats the caller's own keys.
func (s *service) hide(account bool, text string) string {
	if s.caller != "" {
		text = strings.ReplaceAll(text, s.caller, "the caller")
	}
	if account {
		text = strings.ReplaceAll(text, s.account, model.DefaultWorld.Account)
	}
	return secretPatterns.ReplaceAllString(text, "[hidden]")
}
