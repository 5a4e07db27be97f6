package account

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

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

// hideRead takes out of what was read of an answer all but the account, which names need.
func (s *secrets) hideRead(reply *targets.Reply) {
	hide := func(text string) string { return s.hide(hideCaller, text) }
	a := &reply.Answer
	for _, text := range []*string{&a.Code, &a.TrailARN, &a.StoreARN, &a.Destination, &a.Alien} {
		*text = hide(*text)
	}
	reply.Body = generators.MapStrings(reply.Body, hide)
}
