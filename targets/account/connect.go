package account

import (
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
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/wire"
)

var regionSyntax = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)

var accountSyntax = regexp.MustCompile(`^[0-9]{12}$`)

// service is a connection to one account whose guards have agreed.
type service struct {
	options   Options
	gate      *gate
	secrets   *secrets
	transport *http.Transport
	account   string
	partition string
	notes     []string

	lines map[string]*endpoint.Line // of CloudTrail, by Region
	s3    *s3.Client                // in the home Region
}

// check reads the options. Nothing is sent.
func (o *Options) check() error {
	if len(o.Accounts) == 0 {
		return usage("--target account needs --account ID, the account that may be changed")
	}
	for _, id := range o.Accounts {
		if !accountSyntax.MatchString(id) {
			return usage("--account: an account id has 12 digits")
		}
		if id == otherAccount {
			return usage("--account: %s is a number that AWS keeps for examples", id)
		}
	}
	if len(o.Regions) == 0 {
		return usage("--target account needs --regions, such as --regions us-east-1: it takes none from the environment")
	}
	for i, region := range o.Regions {
		if !regionSyntax.MatchString(region) {
			return usage("--regions: %q is no Region; write one such as us-east-1", wire.Printable(region))
		}
		if slices.Contains(o.Regions[:i], region) {
			return usage("--regions names %s twice", region)
		}
		if partitionOf(region) != partitionOf(o.Regions[0]) {
			return usage("--regions: %s and %s belong to different partitions", o.Regions[0], region)
		}
	}
	if o.Prefix != "" {
		if err := CheckPrefix(o.Prefix); err != nil {
			return err
		}
	}
	if o.Timeout < 0 || o.Settle < 0 {
		return usage("a time limit must not be negative")
	}
	if o.Timeout == 0 {
		o.Timeout = endpoint.DefaultTimeout
	}
	if o.Settle == 0 {
		o.Settle = DefaultSettle
	}
	return nil
}

// endpointOverride names what in the environment would send the SDK elsewhere, empty where nothing
// does. What AWS_IGNORE_CONFIGURED_ENDPOINT_URLS says makes no difference: an override that is there was
// meant for something, and this is not it.
func endpointOverride(environ []string) string {
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		name = strings.ToUpper(name)
		if value == "" {
			continue
		}
		if name == "AWS_ENDPOINT_URL" || strings.HasPrefix(name, "AWS_ENDPOINT_URL_") || name == "AWS_CA_BUNDLE" {
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
func credentialsOf(ctx context.Context, region string) (aws.CredentialsProvider, error) {
	const remedy = "unset it: the account target talks to the service itself alone"
	if name := endpointOverride(os.Environ()); name != "" {
		return nil, refuse(guardEndpoint, "%s is set; %s", name, remedy)
	}
	// A client without a proxy, so that HTTPS_PROXY changes nothing either.
	direct := &http.Client{Transport: newTransport(30 * time.Second), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithHTTPClient(direct))
	if err != nil {
		return nil, usage("the SDK's configuration cannot be read; see AWS_PROFILE and the files in ~/.aws, which must name no ca_bundle")
	}
	for _, source := range cfg.ConfigSources {
		if shared, ok := source.(config.SharedConfig); ok {
			if name := sharedOverride(&shared); name != "" {
				return nil, refuse(guardEndpoint, "the shared configuration has %s; %s", name, remedy)
			}
		}
	}
	if cfg.BaseEndpoint != nil {
		return nil, refuse(guardEndpoint, "the SDK's configuration names another endpoint; %s", remedy)
	}
	return cfg.Credentials, nil
}

func newTransport(timeout time.Duration) *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: timeout}).DialContext,
		MaxIdleConnsPerHost: 16, IdleConnTimeout: 10 * time.Second, TLSHandshakeTimeout: timeout,
		DisableCompression: true, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: false,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
}

// resolve fixes the endpoints of all services, from the SDK's own table of them.
func (s *service) resolve(ctx context.Context) error {
	set := func(name, region string, uri url.URL, err error) error {
		if err == nil && s.options.endpoints != nil {
			fixed, err := url.Parse(s.options.endpoints[name])
			if err != nil || fixed.Host == "" {
				return usage("no endpoint for %s", name)
			}
			s.gate.bases[base{name, region}] = fixed
			return nil
		}
		if err != nil || uri.Scheme != "https" || uri.Host == "" {
			return usage("--regions: the SDK knows no endpoint of %s for %s", name, region)
		}
		s.gate.bases[base{name, region}] = &uri
		return nil
	}
	home := s.options.Regions[0]
	for _, region := range s.options.Regions {
		e, err := cloudtrail.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, cloudtrail.EndpointParameters{Region: &region})
		if err := set(serviceCloudTrail, region, e.URI, err); err != nil {
			return err
		}
	}
	e1, err1 := sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sts.EndpointParameters{Region: &home, UseGlobalEndpoint: aws.Bool(false)})
	e2, err2 := iam.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, iam.EndpointParameters{Region: &home})
	e3, err3 := organizations.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, organizations.EndpointParameters{Region: &home})
	e4, err4 := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, s3.EndpointParameters{Region: &home})
	return errors.Join(set(serviceSTS, home, e1.URI, err1), set(serviceIAM, home, e2.URI, err2),
		set(serviceOrganizations, home, e3.URI, err3), set(serviceS3, home, e4.URI, err4))
}

// globalRegion is the Region that requests to the global services are signed for.
func globalRegion(partition string) string {
	switch partition {
	case "aws-cn":
		return "cn-north-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	}
	return "us-east-1"
}

// connect asks the account who it is, and returns only if all guards that concern the account agree.
func connect(ctx context.Context, o Options) (*service, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &service{options: o, gate: newGate(o.Regions), secrets: &secrets{}, lines: map[string]*endpoint.Line{}}
	s.gate.logging, s.gate.storing = o.AllowLogging, o.Stores
	if err := s.resolve(ctx); err != nil {
		return nil, err
	}
	chain := o.credentials
	if chain == nil {
		var err error
		if chain, err = credentialsOf(ctx, o.Regions[0]); err != nil {
			return nil, err
		}
	}
	watched := s.secrets.watch(chain)
	if _, err := watched.Retrieve(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, usage("the SDK's credential chain gives no credentials; log in, or set AWS_PROFILE or AWS_ROLE_ARN")
	}
	s.transport = newTransport(o.Timeout)
	outside := fence{s.transport, s.gate}
	for _, region := range o.Regions {
		s.lines[region] = endpoint.NewLine(endpoint.LineOptions{URL: s.gate.bases[base{serviceCloudTrail, region}], Region: region, Timeout: o.Timeout,
			Transport: outside, Credentials: watched, Admit: s.gate.at(serviceCloudTrail, region)})
	}
	if err := s.identify(ctx, watched); err != nil {
		s.transport.CloseIdleConnections()
		return nil, err
	}
	home := o.Regions[0]
	s.s3 = s3.New(s3.Options{BaseEndpoint: s.baseOf(serviceS3), UsePathStyle: true, Region: home, Credentials: watched, Retryer: aws.NopRetryer{},
		HTTPClient: s.lines[home].HTTPClient(), APIOptions: s.admitting(serviceS3),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired})
	return s, nil
}

func (s *service) baseOf(name string) *string {
	text := strings.TrimSuffix(s.gate.bases[base{name, s.options.Regions[0]}].String(), "/")
	return &text
}

func (s *service) admitting(name string) []func(*middleware.Stack) error {
	return []func(*middleware.Stack) error{s.gate.at(name, s.options.Regions[0]).BeforeSigning}
}

// identify holds the guards of the account, its alias and its organization.
func (s *service) identify(ctx context.Context, provider aws.CredentialsProvider) error {
	home, client := s.options.Regions[0], s.lines[s.options.Regions[0]].HTTPClient()
	bounded := func() (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, s.options.Timeout) }

	limited, cancel := bounded()
	who, err := sts.New(sts.Options{BaseEndpoint: s.baseOf(serviceSTS), Region: home, Credentials: provider, HTTPClient: client, Retryer: aws.NopRetryer{},
		APIOptions: s.admitting(serviceSTS)}).GetCallerIdentity(limited, &sts.GetCallerIdentityInput{})
	cancel()
	if err != nil {
		return s.asking("GetCallerIdentity", err)
	}
	account := aws.ToString(who.Account)
	s.secrets.identity(aws.ToString(who.Arn), account)
	if !slices.Contains(s.options.Accounts, account) {
		return refuse(guardAccount, "the credentials are those of an account that --account does not name")
	}
	s.account, s.partition = account, partitionOf(home)
	if parts := strings.Split(aws.ToString(who.Arn), ":"); len(parts) > 5 && parts[1] != s.partition {
		return refuse(guardRegion, "the credentials belong to the partition %s, and %s to another", wire.Printable(parts[1]), home)
	}
	global := globalRegion(s.partition)

	limited, cancel = bounded()
	aliases, err := iam.New(iam.Options{BaseEndpoint: s.baseOf(serviceIAM), Region: global, Credentials: provider, HTTPClient: client, Retryer: aws.NopRetryer{},
		APIOptions: s.admitting(serviceIAM)}).ListAccountAliases(limited, &iam.ListAccountAliasesInput{})
	cancel()
	switch {
	case errors.Is(err, targets.ErrRefused):
		return err
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !s.options.AllowUnknownAlias:
		return refuse(guardAlias, "the account's alias cannot be read (%s); permit iam:ListAccountAliases, or pass --allow-unknown-alias if this is no production account", codeOf(err))
	case err != nil:
		s.notes = append(s.notes, "the account's alias is not known: iam:ListAccountAliases answered "+codeOf(err))
	default:
		for _, alias := range aliases.AccountAliases {
			if strings.Contains(strings.ToLower(alias), "prod") {
				return refuse(guardAlias, "the account's alias contains prod")
			}
		}
	}
	if s.options.AllowManagementAccount {
		return nil
	}

	limited, cancel = bounded()
	organization, err := organizations.New(organizations.Options{BaseEndpoint: s.baseOf(serviceOrganizations), Region: global, Credentials: provider, HTTPClient: client,
		Retryer: aws.NopRetryer{}, APIOptions: s.admitting(serviceOrganizations)}).DescribeOrganization(limited, &organizations.DescribeOrganizationInput{})
	cancel()
	switch {
	case errors.Is(err, targets.ErrRefused):
		return err
	case codeOf(err) == "AWSOrganizationsNotInUseException":
		return nil
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return refuse(guardOrganization, "it cannot be told whether the account manages an organization (%s); permit organizations:DescribeOrganization, or pass --allow-management-account", codeOf(err))
	case organization.Organization == nil || !accountSyntax.MatchString(aws.ToString(organization.Organization.MasterAccountId)):
		return refuse(guardOrganization, "DescribeOrganization does not tell which account manages the organization; pass --allow-management-account if this one may be changed all the same")
	case *organization.Organization.MasterAccountId == account:
		return refuse(guardOrganization, "the account manages an organization; pass --allow-management-account if it may be changed all the same")
	}
	return nil
}

// codeOf is the code of an error of the service, or what kind of failure it is.
func codeOf(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return wire.Printable(api.ErrorCode())
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	return "no answer"
}

// asking classes the error of a first question.
func (s *service) asking(op string, err error) error {
	if errors.Is(err, targets.ErrRefused) || errors.Is(err, context.Canceled) {
		return err
	}
	code := codeOf(err)
	var api smithy.APIError
	if !errors.As(err, &api) {
		return unreachable("%s got %s; see whether this machine reaches the service in %s", op, code, s.options.Regions[0])
	}
	if hint := hintOf(code, api.ErrorMessage()); hint != "" {
		return inconclusive("%s answered %s: %s", op, code, hint)
	}
	return inconclusive("%s answered %s", op, code)
}

// hintOf says what to do about an answer that concerns the caller and not the target.
func hintOf(code, message string) string {
	lower := strings.ToLower(message)
	skewed := strings.Contains(lower, "signature expired") || strings.Contains(lower, "not yet current") || strings.Contains(lower, "request has expired")
	switch code {
	case "RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture":
		skewed = true
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
		return "the credentials have expired; renew them, and let 'conform sweep' remove what is left"
	case "InvalidSignatureException", "SignatureDoesNotMatch":
		if !skewed {
			return "the signature does not fit; check the credentials, and this machine's clock"
		}
	case "UnrecognizedClientException", "InvalidClientTokenId", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "IncompleteSignature", "InvalidAccessKeyId":
		return "the credentials are not valid; check them"
	case "OptInRequired", "SubscriptionRequiredException":
		return "the account is not opted in to the Region or service"
	}
	if skewed {
		return "the clock of this machine is wrong; set it, for example with NTP"
	}
	return ""
}

// call sends a request of the target's own, outside any world, and waits out throttling.
func (s *service) call(ctx context.Context, region, op string, input model.Value) targets.Reply {
	r := model.Request{Op: model.Op(op), Input: input}
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		reply := s.send(ctx, region, r, !operations[serviceCloudTrail+":"+op].writes)
		if !wire.Repeatable(reply.Answer.Code) || reply.Err != nil || pause > 4*time.Second {
			return reply
		}
		select {
		case <-ctx.Done():
			return reply
		case <-time.After(pause):
		}
	}
}

// send sends one request at the pace that the service allows. What concerns the caller and not the
// target becomes Reply.Err.
func (s *service) send(ctx context.Context, region string, r model.Request, reads bool) targets.Reply {
	line, ok := s.lines[region]
	if !ok {
		err := refuse(guardRegion, "%s is not one of --regions", wire.Printable(region))
		return targets.Reply{Problem: err.Error(), Err: err}
	}
	if pace := s.options.Pace; pace != nil {
		if err := pace.Wait(ctx, region, !reads); err != nil {
			return targets.Reply{Problem: "interrupted"}
		}
	}
	reply := line.Do(ctx, r)
	if pace := s.options.Pace; pace != nil && wire.Repeatable(reply.Answer.Code) {
		pace.Throttled(region, !reads)
	}
	message := reply.Body.Get("Message").Text() + reply.Body.Get("message").Text()
	s.secrets.hideRead(&reply)
	if hint := hintOf(reply.Answer.Code, message); hint != "" && reply.Err == nil {
		reply.Err = inconclusive("%s answered %s: %s", r.Op, wire.Printable(reply.Answer.Code), hint)
	}
	if !s.options.KeepAccountIDs || reply.Err != nil {
		reply.Received = []byte(s.secrets.hide(string(reply.Received)))
		reply.Sent = []byte(s.secrets.hide(string(reply.Sent)))
	} else {
		reply.Received = []byte(s.secrets.hideKeys(string(reply.Received)))
	}
	reply.Problem = s.secrets.hide(reply.Problem)
	for i := range reply.Notes {
		reply.Notes[i] = s.secrets.hide(reply.Notes[i])
	}
	return reply
}

func (s *service) close() { s.transport.CloseIdleConnections() }

// secrets knows what must stand in no output.
type secrets struct {
	mu      sync.RWMutex
	keys    []string // access keys, secret keys and tokens
	caller  string   // its ARN
	account string   // empty where it may be seen
	built   replacers
}

// replacers put something harmless in the place of keys, of the caller too, and of the account too.
type replacers struct{ plain, own, all *strings.Replacer }

// hidden stands where a secret stood.
const hidden = "[hidden]"

// patterns of secrets that are not this run's own: keys, and the parts of a signature, which the
// service repeats in the text of some errors.
var secretPatterns = regexp.MustCompile(`\b(AKIA|ASIA)[A-Z0-9]{12,}\b|(?i)(x-amz-security-token|x-amz-signature|signature)(["']?\s*[=:]\s*["']?)[A-Za-z0-9+/=%]{16,}|AWS4-HMAC-SHA256[^"<]*`)

// watch passes credentials on and notes them.
func (s *secrets) watch(inner aws.CredentialsProvider) aws.CredentialsProvider {
	return aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		c, err := inner.Retrieve(ctx)
		if err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, key := range []string{c.AccessKeyID, c.SecretAccessKey, c.SessionToken} {
				if len(key) >= 8 && !slices.Contains(s.keys, key) {
					s.keys = append(s.keys, key)
				}
			}
			s.build()
		}
		return c, err
	}))
}

// identity has the caller's ARN and account replaced.
func (s *secrets) identity(arn, account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caller = arn
	if account != model.DefaultWorld.Account {
		s.account = account
	}
	s.build()
}

// build is called with the lock held.
func (s *secrets) build() {
	var pairs []string
	add := func(old, replacement string) *strings.Replacer {
		if old != "" {
			pairs = append(pairs, old, replacement)
		}
		return strings.NewReplacer(pairs...)
	}
	for _, key := range s.keys {
		add(key, hidden)
	}
	s.built.plain = add("", "")
	s.built.own = add(s.caller, "the caller")
	s.built.all = add(s.account, model.DefaultWorld.Account)
}

// hide takes everything out of a text that must stand in no output.
func (s *secrets) hide(text string) string { return s.replace(text, s.replacers().all) }

// hideKeys takes out all but the caller and the account.
func (s *secrets) hideKeys(text string) string { return s.replace(text, s.replacers().plain) }

// hideRead takes out of what was read of an answer all but the account, which names need.
func (s *secrets) hideRead(reply *targets.Reply) {
	hide := func(text string) string { return s.replace(text, s.replacers().own) }
	a := &reply.Answer
	for _, text := range []*string{&a.Code, &a.TrailARN, &a.StoreARN, &a.Destination, &a.Alien, &a.Events} {
		*text = hide(*text)
	}
	reply.Body = reply.Body.MapStrings(hide)
}

func (s *secrets) replacers() replacers {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.built
}

func (s *secrets) replace(text string, by *strings.Replacer) string {
	if by == nil || text == "" {
		return text
	}
	text = by.Replace(text)
	if len(text) >= 16 {
		text = secretPatterns.ReplaceAllString(text, hidden)
	}
	return text
}
