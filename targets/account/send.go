package account

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/smithy-go"

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
	skewed := strings.Contains(lower, "signature expired") || strings.Contains(lower, "not yet current") ||
		strings.Contains(lower, "request has expired")
	switch {
	case code == "RequestExpired" || code == "RequestTimeTooSkewed" || code == "RequestInTheFuture":
		skewed = true
	case wire.Expired(code):
		return "the credentials have expired; renew them, and let 'conform sweep' remove what is left"
	case wire.BadSignature(code) && !skewed:
		return "the signature does not fit; check the credentials, and this machine's clock"
	case wire.BadCredentials(code):
		return "the credentials are not valid; check them"
	case code == "OptInRequired" || code == "SubscriptionRequiredException":
		return "the account is not opted in to the Region or service"
	}
	if skewed {
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
		select {
		case <-ctx.Done():
			return reply
		case <-time.After(pause):
		}
	}
}

// send sends one request. What concerns the caller and not the
// target becomes Reply.Err.
func (s *service) send(ctx context.Context, region string, r model.Request) targets.Reply {
	caller, ok := s.callers[region]
	if !ok {
		err := gate.Refuse(gate.GuardRegion, "%s is not one of --regions", wire.Printable(region))
		return targets.Reply{Problem: err.Error(), Err: err}
	}
	reply := caller.Send(ctx, region, r)
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
