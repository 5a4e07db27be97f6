package recorded

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// answered says what is known of an answer.
type answered uint8

const (
	wholly      answered = iota // status, headers and body, as over HTTP
	byLog                       // the code of an error, or the members of a success
	barely                      // by its status, or by a log that has no members: success or error
	notAtAll                    // there was none
	withoutCode                 // a refusal of which nothing else is known
)

// entry is what is kept of an exchange until all are in order.
type entry struct {
	ID      string   `json:",omitempty"`
	Format  string   `json:",omitempty"`
	Account string   `json:",omitempty"`
	Region  string   `json:",omitempty"`
	Host    string   `json:",omitempty"`
	Who     uint64   `json:",omitempty"` // tells callers of unknown accounts apart
	Settled bool     `json:",omitempty"` // what comes later says nothing of the account
	Service bool     `json:",omitempty"`
	Untimed bool     `json:",omitempty"`
	Method  string   `json:",omitempty"`
	Target  string   `json:",omitempty"` // the header
	Sent    []byte   `json:",omitempty"`
	Known   answered `json:",omitempty"`
	Status  int      `json:",omitempty"`
	Code    string   `json:",omitempty"` // of byLog
	Type    string   `json:",omitempty"` // the headers Content-Type and X-Amzn-ErrorType
	Error   string   `json:",omitempty"`
	Body    []byte   `json:",omitempty"`
	Problem string   `json:",omitempty"`
	Start   int64
	End     int64 `json:",omitempty"`
}

func (e *entry) encode() []byte {
	data, _ := json.Marshal(e) // of these types nothing fails
	return data
}

// request reads the request as a server does.
func (e *entry) request() model.Request {
	r, _ := wire.DecodeRequest(e.Method, http.Header{wire.TargetHeader: {e.Target}}, e.Sent)
	r.Region = e.Region
	return r
}

// exchange is what an entry says.
func (e *entry) exchange() Exchange {
	x := Exchange{ID: e.ID, Format: e.Format, Account: e.Account, Host: e.Host, Service: e.Service, Untimed: e.Untimed,
		Request: e.request(), Start: time.Unix(0, e.Start).UTC()}
	if e.End != 0 {
		x.End = time.Unix(0, e.End).UTC()
	}
	switch e.Known {
	case wholly:
		header := http.Header{}
		for name, v := range map[string]string{"Content-Type": e.Type, "X-Amzn-Errortype": e.Error} {
			if v != "" {
				header.Set(name, v)
			}
		}
		x.Reply = wire.DecodeAnswer(x.Request, e.Status, header, e.Body)
	case byLog:
		x.Reply = logged(x.Request.Op, e.Code, e.Body)
	case barely:
		x.Reply.Answer.Outcome, x.Bare = model.Succeeded, true
	case withoutCode:
		x.Reply.Answer.Outcome, x.Bare = model.Refused, true
	case notAtAll:
		x.Reply.Problem = e.Problem
	}
	x.Reply.Status = e.Status
	if e.Format == FormatHAR || e.Format == FormatCassette {
		x.Reply.Sent, x.Caller = e.Sent, strconv.FormatUint(e.Who, 36)
	}
	return x
}

// logged is the reply that a log tells of.
func logged(op model.Op, code string, body []byte) (reply targets.Reply) {
	switch {
	case wire.Unavailable(code):
		reply.Answer.Outcome, reply.Problem = model.Crashed, wire.Printable(code)
	case code != "":
		reply.Answer = model.Refusal(code)
	default:
		reply.Body, _ = value.Parse(body)
		reply.Answer, _ = wire.ReadSuccess(op, reply.Body) // members are spelt as a log spells them
	}
	return wire.Brief(reply, targets.MaxKept)
}

// operation is that of an X-Amz-Target header; modelled says that it is one of model.Ops.
func operation(target string) (op model.Op, modelled bool) {
	r, problem := wire.DecodeRequest(http.MethodPost, http.Header{wire.TargetHeader: {target}}, nil)
	return r.Op, problem == ""
}

// signer tells of who has signed a call: the Region, and the account or what tells one caller from another.
type signer struct {
	Region string `json:"region,omitempty"`
	Caller string `json:"caller,omitempty"`
}

// message is a call over HTTP as a recording has it.
type message struct {
	method, url  string
	request      http.Header
	sent         []byte
	status       int
	response     http.Header
	received     []byte
	unknown      bool   // the body of the answer was not kept
	unanswered   string // says why there is no answer
	start, end   int64
	format       string
	untimed      bool
	file, number int
	requestLacks bool    // its body was not kept
	signer       *signer // where the record says so, which then has no signature
}

// call adds a call over HTTP, if it is one of CloudTrail's.
func (r *reader) call(m *message) error {
	target := m.request.Get(wire.TargetHeader)
	if _, modelled := operation(target); !modelled {
		if target == "" && m.method == http.MethodPost && hidesTarget(m) {
			r.lacks(m, "a request without X-Amz-Target, which may be of CloudTrail")
			return nil
		}
		r.sum.Others++
		return nil
	}
	if m.requestLacks {
		r.lacks(m, "a request whose body was not kept")
		return nil
	}
	host, service := hostOf(m.url)
	signed := signer{Region: wire.Signed(m.request).Region, Caller: wire.Signed(m.request).Key}
	if m.signer != nil {
		signed = *m.signer
	}
	e := entry{ID: m.response.Get("X-Amzn-Requestid"), Format: m.format, Host: host, Service: service, Untimed: m.untimed,
		Method: m.method, Target: target, Sent: m.sent, Region: signed.Region,
		Status: m.status, Type: m.response.Get("Content-Type"), Error: m.response.Get("X-Amzn-Errortype"), Body: m.received,
		Start: m.start, End: m.end}
	if !naming.IsRegion(e.Region) {
		e.Region = regionWithin(host)
	}
	if naming.IsAccount(signed.Caller) {
		e.Account = signed.Caller
	}
	e.Who = maphash.String(r.seed, signed.Caller+"\x00"+host)
	switch {
	case m.unanswered != "":
		e.Known, e.Problem, e.End, e.Status = notAtAll, m.unanswered, 0, 0
	case m.unknown && m.status/100 == 2:
		e.Known = barely
	case m.unknown && m.status < 500:
		e.Known = withoutCode
	}
	if e.Known == wholly {
		r.learn(&e)
	}
	if m.signer != nil && e.Account == "" { // as it was known when it passed
		e.Account, e.Settled = r.accounts[e.Who], true
	}
	return r.add(&e, m.file, m.number)
}

// lacks passes a call over of which too little was kept. If it may have changed something, calls are missing there.
func (r *reader) lacks(m *message, why string) {
	at := r.at(m.file, m.number)
	r.skip(why, at)
	if op, _ := operation(m.request.Get(wire.TargetHeader)); op.Reads() || m.status/100 == 4 {
		return
	}
	from, to := time.Unix(0, m.start).UTC(), time.Unix(0, m.end).UTC()
	if m.end == 0 {
		to = from
	}
	if m.start == 0 {
		from, to = time.Time{}, time.Time{}
	}
	r.gap(Gap{At: at, Why: why, From: from, To: to})
}

// hidesTarget reports whether a POST without the header may be one of CloudTrail's all the same.
func hidesTarget(m *message) bool {
	u, err := url.Parse(m.url)
	if err != nil || u.Path != "" && u.Path != "/" {
		return false
	}
	return len(m.request) == 0 || strings.HasPrefix(u.Hostname(), "cloudtrail") ||
		strings.HasPrefix(m.request.Get("Content-Type"), wire.ContentType)
}

// learn notes the account of whose caller an answer tells.
func (r *reader) learn(e *entry) {
	if !bytes.Contains(e.Body, []byte("arn:")) || e.Account != "" {
		return
	}
	x := e.exchange()
	if x.Request.Op.Reads() { // the trail may be the organization's
		return
	}
	for _, text := range []string{x.Reply.Answer.TrailARN, x.Reply.Answer.StoreARN} {
		parsed, err := arn.Parse(text)
		if err != nil || !naming.IsAccount(parsed.AccountID) || x.Reply.Answer.Outcome != model.Succeeded {
			continue
		}
		switch known, ok := r.accounts[e.Who]; {
		case !ok && len(r.accounts) < 1<<16:
			r.accounts[e.Who] = parsed.AccountID
		case known != parsed.AccountID:
			r.accounts[e.Who] = "" // then nothing is known
		}
	}
}

// services are the ends of the real service's host names.
var services = []string{".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn",
	".amazonaws.eu", ".c2s.ic.gov", ".sc2s.sgov.gov"}

// hostOf is the scheme and host of a URL, without what else it may tell.
func hostOf(raw string) (host string, service bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "", false
	}
	name := strings.ToLower(u.Hostname())
	service = slices.ContainsFunc(services, func(end string) bool { return strings.HasSuffix(name, end) })
	return u.Scheme + "://" + strings.ToLower(u.Host), service
}

// regionWithin is the Region in the name of a host.
func regionWithin(host string) string {
	_, name, _ := strings.Cut(host, "://")
	for label := range strings.SplitSeq(name, ".") {
		if naming.IsRegion(label) {
			return label
		}
	}
	return ""
}
