package account

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/gate"
	"github.com/insightconform/conform/targets/wire"
)

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
	switch {
	case errors.Is(err, targets.ErrRefused):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
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
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		reply := s.send(ctx, region, r)
		if !wire.Repeatable(reply.Answer.Code) || reply.Err != nil || pause > 4*time.Second {
			return reply
		}
		if !targets.Sleep(ctx, pause) {
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
	hide := func(text string) string { return s.secrets.hide(hideCaller, text) } // not the account, which names need
	for _, text := range []*string{&reply.Answer.Code, &reply.Answer.TrailARN, &reply.Answer.StoreARN, &reply.Answer.Destination, &reply.Answer.Alien} {
		*text = hide(*text)
	}
	reply.Body = generators.MapStrings(reply.Body, hide)
	if hint := hintOf(reply.Answer.Code, message); hint != "" && reply.Err == nil {
		reply.Err = inconclusive("%s answered %s: %s", r.Op, wire.Printable(reply.Answer.Code), hint)
	}
	raw := hideAll
	if s.options.KeepAccountIDs && reply.Err == nil {
		raw = hideKeys
	}
	reply.Received, reply.Sent = []byte(s.secrets.hide(raw, string(reply.Received))), []byte(s.secrets.hide(raw, string(reply.Sent)))
	reply.Problem = s.secrets.hide(hideAll, reply.Problem)
	for i := range reply.Notes {
		reply.Notes[i] = s.secrets.hide(hideAll, reply.Notes[i])
	}
	return reply
}

// secrets knows what must stand in no output.
type secrets struct {
	mu      sync.RWMutex
	keys    []string // access keys, secret keys and tokens
	caller  string   // its ARN
	account string
}

// What is taken out of a text.
const (
	hideKeys   = iota
	hideCaller // and keys
	hideAll    // and the account
)

const hidden = "[hidden]"

// secretPatterns finds keys of others, and the parts of a signature, which some errors repeat.
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
		}
		return c, err
	}))
}

// identity has the caller's ARN and account replaced.
func (s *secrets) identity(arn, account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caller, s.account = arn, account
}

// hide takes out of a text what must not stand there.
func (s *secrets) hide(what int, text string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var pairs []string
	for _, key := range s.keys {
		pairs = append(pairs, key, hidden)
	}
	if what >= hideCaller && s.caller != "" {
		pairs = append(pairs, s.caller, "the caller")
	}
	if what >= hideAll && s.account != "" {
		pairs = append(pairs, s.account, model.DefaultWorld.Account)
	}
	if text = strings.NewReplacer(pairs...).Replace(text); len(text) < 16 {
		return text
	}
	return secretPatterns.ReplaceAllString(text, hidden)
}
