package account

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/gate"
)

func TestEndpointOverridesAreRefused(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	clean := file("clean", "[default]\nregion = us-west-2\n")
	none := file("none", "")
	for _, test := range []struct {
		name    string
		environ map[string]string
		refused bool
	}{
		{"nothing", nil, false},
		{"another Region", map[string]string{"AWS_REGION": "ap-south-1", "AWS_DEFAULT_REGION": "ap-south-1"}, false},
		{"a proxy", map[string]string{"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}, false},
		{"AWS_ENDPOINT_URL", map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, true},
		{"of CloudTrail", map[string]string{"AWS_ENDPOINT_URL_CLOUDTRAIL": "http://127.0.0.1:1"}, true},
		{"of STS", map[string]string{"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"}, true},
		{"of a service that is not used", map[string]string{"AWS_ENDPOINT_URL_EC2": "http://127.0.0.1:1"}, true},
		{"ignored by another variable", map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, true},
		{"a certificate authority", map[string]string{"AWS_CA_BUNDLE": clean}, true},
		{"a certificate authority for Go", map[string]string{"SSL_CERT_FILE": clean}, true},
		{"certificate authorities for Go", map[string]string{"SSL_CERT_DIR": dir}, true},
		{"in the profile", map[string]string{"AWS_CONFIG_FILE": file("url", "[default]\nendpoint_url = http://127.0.0.1:1\n")}, true},
		{"in the profile, ignored", map[string]string{"AWS_CONFIG_FILE": file("ignored", "[default]\nignore_configured_endpoint_urls = true\nendpoint_url = http://127.0.0.1:1\n")}, true},
		{"in the services of the profile", map[string]string{"AWS_CONFIG_FILE": file("services", "[default]\nservices = local\n[services local]\ncloudtrail =\n  endpoint_url = http://127.0.0.1:1\n")}, true},
		{"in another profile", map[string]string{"AWS_CONFIG_FILE": file("other", "[default]\nregion = us-west-2\n[profile local]\nendpoint_url = http://127.0.0.1:1\n")}, false},
		{"in AWS_PROFILE", map[string]string{"AWS_PROFILE": "local", "AWS_CONFIG_FILE": file("profile", "[profile local]\nendpoint_url = http://127.0.0.1:1\n")}, true},
		{"in the credentials file", map[string]string{"AWS_SHARED_CREDENTIALS_FILE": file("credentials", "[default]\naws_access_key_id = a\naws_secret_access_key = b\nendpoint_url = http://127.0.0.1:1\n")}, false}, // nothing reads it there
		{"in the source profile", map[string]string{"AWS_PROFILE": "role", "AWS_CONFIG_FILE": file("source",
			"[profile role]\nrole_arn = arn:aws:iam::404142434445:role/x\nsource_profile = base\n[profile base]\nendpoint_url = http://127.0.0.1:1\naws_access_key_id = a\naws_secret_access_key = b\n")}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, entry := range os.Environ() {
				if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "SSL_CERT_") || strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
					t.Setenv(name, "")
					os.Unsetenv(name)
				}
			}
			t.Setenv("AWS_CONFIG_FILE", clean)
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
			t.Setenv("AWS_ACCESS_KEY_ID", "AKIAXXXXXXXXXXXXXXXX")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret-secret")
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			for name, value := range test.environ {
				t.Setenv(name, value)
			}
			provider, err := credentialsOf(t.Context(), "us-east-1", nil)
			if !test.refused {
				require.NoError(t, err)
				require.NotNil(t, provider)
				return
			}
			require.ErrorIs(t, err, targets.ErrRefused)
			require.ErrorContains(t, err, "by the guard endpoint:")
			require.NotContains(t, err.Error(), "127.0.0.1")

			target, err := New(Options{Accounts: []string{"404142434445"}, Regions: []string{"us-east-1"}, Ledger: filepath.Join(dir, "ledger")})
			require.NoError(t, err)
			_, err = target.Open(t.Context())
			require.ErrorIs(t, err, targets.ErrRefused)
			require.NoError(t, target.Close())
		})
	}
}

// TestCertificateAuthorityOfTheProfile: the chain does not load with one, so that nothing is sent.
func TestCertificateAuthorityOfTheProfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(path, []byte("[default]\nca_bundle = "+path+"\n"), 0o600))
	t.Setenv("AWS_CONFIG_FILE", path)
	for _, name := range []string{"AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		t.Setenv(name, "")
	}
	_, err := credentialsOf(t.Context(), "us-east-1", nil)
	require.ErrorIs(t, err, targets.ErrUsage)
}

// TestRealEndpoints looks at the endpoints that a run outside tests would use; nothing is sent.
func TestRealEndpoints(t *testing.T) {
	for _, test := range []struct{ region, trail, iam, s3 string }{
		{"us-east-1", "cloudtrail.us-east-1.amazonaws.com", "iam.amazonaws.com", "s3.us-east-1.amazonaws.com"},
		{"eu-west-1", "cloudtrail.eu-west-1.amazonaws.com", "iam.amazonaws.com", "s3.eu-west-1.amazonaws.com"},
		{"cn-north-1", "cloudtrail.cn-north-1.amazonaws.com.cn", "iam.cn-north-1.amazonaws.com.cn", "s3.cn-north-1.amazonaws.com.cn"},
	} {
		s := &service{options: Options{Regions: []string{test.region}}, gate: gate.New([]string{test.region}, false, false)}
		require.NoError(t, s.resolve(context.Background()))
		assert.Equal(t, "https://"+test.trail, s.gate.Base(gate.CloudTrail, test.region).String())
		assert.Equal(t, "https://"+test.iam, s.gate.Base(gate.IAM, test.region).String())
		assert.Equal(t, "https://"+test.s3, s.gate.Base(gate.S3, test.region).String())
		assert.Equal(t, "sts."+strings.TrimPrefix(test.trail, "cloudtrail."), s.gate.Base(gate.STS, test.region).Host)
	}
}

// TestClosedPort makes sure that without the service nothing is changed and nothing hangs.
func TestClosedPort(t *testing.T) {
	o := ForTest(t, Options{Accounts: []string{"404142434445"}, Regions: []string{"us-east-1"}, Ledger: filepath.Join(t.TempDir(), "ledger"), Timeout: time.Second},
		"http://127.0.0.1:1", credentials.NewStaticCredentialsProvider("a", "b", ""))
	target, err := New(o)
	require.NoError(t, err)
	_, err = target.Open(t.Context())
	require.ErrorIs(t, err, targets.ErrUnreachable)
}

func TestNoProxy(t *testing.T) {
	assert.Nil(t, newTransport(time.Second).Proxy, "a proxy of the environment would see who is asked for what")
	asked := through(func(*http.Request) (*url.URL, error) { return url.Parse("http://127.0.0.1:1") }, newTransport(time.Second))
	for to, want := range map[string]bool{"http://169.254.169.254/latest/meta-data": false, "https://sts.us-east-1.amazonaws.com/": true} {
		req, err := http.NewRequest(http.MethodGet, to, nil)
		require.NoError(t, err)
		proxy, err := asked.Proxy(req)
		require.NoError(t, err)
		assert.Equal(t, want, proxy != nil, "%s: what is not encrypted, and whose other end no certificate shows, asks no proxy", to)
	}
}
