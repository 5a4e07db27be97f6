package endpoint

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/targets"
)

// wiretap keeps all that reaches a server.
type wiretap struct {
	http.Handler
	mu  sync.Mutex
	got []string
}

func (r *wiretap) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	dump, _ := httputil.DumpRequest(request, true)
	r.mu.Lock()
	r.got = append(r.got, string(dump))
	r.mu.Unlock()
	r.Handler.ServeHTTP(w, request)
}

// TestCredentialsAtHand: of the SDK's credentials an emulator is shown signatures and what belongs to them, and what
// takes a request is not asked for, neither there nor elsewhere.
func TestCredentialsAtHand(t *testing.T) {
	const keys = "aws_access_key_id = AKIAFROMTHEFILE00000\naws_secret_access_key = hush-file\n"
	const session = "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://hush.awsapps.com/start\nsso_registration_scopes = sso:account:access\n"
	const sso = "[default]\nsso_session = s\nsso_account_id = 404142434445\nsso_role_name = hush\n" + session
	sha := func(text string) string { sum := sha1.Sum([]byte(text)); return hex.EncodeToString(sum[:]) }
	token := func(name string, age time.Duration) map[string]string {
		return map[string]string{".aws/sso/cache/" + sha(name) + ".json": fmt.Sprintf(`{"accessToken":"hush-bearer","expiresAt":%q,"refreshToken":"hush-refresh",`+
			`"clientId":"hush-client","clientSecret":"hush-client-secret","registrationExpiresAt":%[1]q,"region":"us-east-1","startUrl":"https://hush.awsapps.com/start"}`,
			time.Now().Add(age).UTC().Format(time.RFC3339))}
	}
	for _, test := range []struct {
		name    string
		environ map[string]string // SERVER is the recording one, HOME the directory of files
		config  string            // ~/.aws/config
		files   map[string]string
		key     string // of the signatures; empty where nothing may be sent
		why     string // of the refusal
	}{
		{name: "environment", environ: map[string]string{"AWS_ACCESS_KEY_ID": "AKIAFROMTHEVARIABLES", "AWS_SECRET_ACCESS_KEY": "hush-variable"}, key: "AKIAFROMTHEVARIABLES"},
		{name: "environment before all else", environ: map[string]string{"AWS_ACCESS_KEY_ID": "AKIAFROMTHEVARIABLES", "AWS_SECRET_ACCESS_KEY": "hush-variable",
			"AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/token", "AWS_ROLE_ARN": "arn:aws:iam::404142434445:role/hush"}, config: sso, key: "AKIAFROMTHEVARIABLES"},
		{name: "file", config: "[default]\n" + keys, key: "AKIAFROMTHEFILE00000"},
		{name: "credentials file", files: map[string]string{".aws/credentials": "[default]\n" + keys}, key: "AKIAFROMTHEFILE00000"},
		{name: "profile", environ: map[string]string{"AWS_PROFILE": "other"}, config: "[default]\n[profile other]\n" + keys, key: "AKIAFROMTHEFILE00000"},
		{name: "process", config: `[default]
credential_process = /bin/sh -c "echo '{\"Version\":1,\"AccessKeyId\":\"AKIAFROMTHEPROCESS00\",\"SecretAccessKey\":\"hush-process\"}'"
`, key: "AKIAFROMTHEPROCESS00"},

		{name: "process that fails", config: "[default]\ncredential_process = /bin/false hush\n", why: "the environment gives no credentials;"},
		{name: "web identity", environ: map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/token", "AWS_ROLE_ARN": "arn:aws:iam::404142434445:role/hush"},
			files: map[string]string{"token": "hush-oidc"}, why: "found AWS_WEB_IDENTITY_TOKEN_FILE (web identity);"},
		{name: "web identity of the profile", config: "[default]\nrole_arn = arn:aws:iam::404142434445:role/hush\nweb_identity_token_file = HOME/token\n",
			files: map[string]string{"token": "hush-oidc"}, why: "found role_arn (a role to assume) in the profile default;"},
		{name: "a role", config: "[default]\nrole_arn = arn:aws:iam::404142434445:role/hush\nsource_profile = base\n[profile base]\n" + keys, why: "found role_arn (a role to assume) in the profile default;"},
		{name: "a role with the profile's own keys", config: "[default]\nrole_arn = arn:aws:iam::404142434445:role/hush\n" + keys, why: "found role_arn"},
		{name: "a role of the machine", config: "[default]\nrole_arn = arn:aws:iam::404142434445:role/hush\ncredential_source = Ec2InstanceMetadata\n", why: "found role_arn"},
		{name: "SSO, fresh", config: sso, files: token("s", time.Hour), why: "found an SSO session in the profile default;"},
		{name: "SSO, expired", config: sso, files: token("s", -time.Hour), why: "found an SSO session in the profile default;"},
		{name: "SSO without a session", config: "[default]\nsso_region = us-east-1\nsso_start_url = https://hush.awsapps.com/start\nsso_account_id = 404142434445\nsso_role_name = hush\n",
			files: token("https://hush.awsapps.com/start", time.Hour), why: "found an SSO session in the profile default;"},
		{name: "a login", config: "[default]\nlogin_session = arn:aws:iam::404142434445:user/hush\n", why: "found a login session in the profile default;"},
		{name: "a container", environ: map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "SERVER/hush", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "hush-token"},
			why: "found AWS_CONTAINER_CREDENTIALS_… (the role of a container);"},
		{name: "a machine", environ: map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": "SERVER"}, why: "found none in the environment, nor any that can be read in the profile default;"},
		{name: "no such profile", environ: map[string]string{"AWS_PROFILE": "nobody's"}, why: "found none in the environment, nor any that can be read in the profile nobody's;"},
		{name: "a file that cannot be read", config: "[default\n", why: `found none in the environment, nor any that can be read in the profile default;`},
		{name: "two ways at once", config: "[default]\nrole_arn = hush\nsource_profile = default\ncredential_process = hush\n", why: `found none in the environment, nor any that can be read in the profile default;`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &wiretap{Handler: newFake()}
			server := httptest.NewServer(r)
			t.Cleanup(server.Close)
			home := t.TempDir()
			for _, entry := range os.Environ() {
				if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_") {
					t.Setenv(name, "")
					os.Unsetenv(name)
				}
			}
			fill := strings.NewReplacer("SERVER", server.URL, "HOME", home).Replace
			write := func(name, text string) {
				path := filepath.Join(home, name)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
				require.NoError(t, os.WriteFile(path, []byte(fill(text)), 0o600))
			}
			write(".aws/config", test.config)
			for name, text := range test.files {
				write(name, text)
			}
			for name, value := range map[string]string{"HOME": home, "AWS_CONFIG_FILE": home + "/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": home + "/.aws/credentials",
				"AWS_ENDPOINT_URL": server.URL, "HTTP_PROXY": server.URL, "HTTPS_PROXY": server.URL} {
				t.Setenv(name, value)
			}
			for name, value := range test.environ {
				t.Setenv(name, fill(value))
			}

			target, err := New(Options{URL: server.URL, Timeout: 5 * time.Second, UseEnvironmentCredentials: true})
			require.NoError(t, err)
			_, err = target.Open(t.Context())
			require.NoError(t, target.Close())
			r.mu.Lock()
			defer r.mu.Unlock()
			if test.key == "" {
				require.ErrorIs(t, err, targets.ErrUsage)
				assert.ErrorContains(t, err, test.why)
				assert.ErrorContains(t, err, "--use-environment-credentials")
				assert.NotContains(t, err.Error(), "\n")
				assert.NotContains(t, err.Error(), "hush")
				assert.Empty(t, r.got)
				return
			}
			require.NoError(t, err)
			assert.NotEmpty(t, r.got)
			for _, request := range r.got {
				assert.NotContains(t, request, "hush")
				assert.Contains(t, request, "Credential="+test.key+"/")
			}
		})
	}
}
