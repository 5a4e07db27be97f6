package endpoint

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/targets"
)

func TestCheckURL(t *testing.T) {
	for text, want := range map[string]string{
		"http://127.0.0.1:5000":                  "http://127.0.0.1:5000/",
		"https://localhost":                      "https://localhost/",
		"http://[::1]:5000/":                     "http://[::1]:5000/",
		"http://emulator:4566/aws":               "http://emulator:4566/aws",
		"http://localhost.localstack.cloud:4566": "http://localhost.localstack.cloud:4566/",
		"http://myaws.example.com":               "http://myaws.example.com/",
		"http://0x7f000001:5000":                 "http://0x7f000001:5000/",
		"http://10.169.254.1":                    "http://10.169.254.1/",
	} {
		u, err := CheckURL(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, u.String())
	}

	tests := []struct {
		class error
		texts []string
	}{
		{targets.ErrUsage, []string{
			"", "127.0.0.1:5000", "localhost:5000", "ftp://localhost", "http://", "http:///path", "http://:80", "http:localhost",
			"http://user@localhost", "http://user:secret@localhost", "http://localhost?x=1", "http://localhost/?", "http://localhost#x", "http://localhost/#",
			"http://localhost:0", "http://localhost:70000", "http://localhost:http", "http://lo calhost", "http://exämple.com", "http://[fe80::1%25eth0]/",
			"http://%", "://", "http://local\x00host", "unix:///var/run/x",
		}},
		{targets.ErrRefused, []string{
			"https://cloudtrail.us-east-1.amazonaws.com", "https://cloudtrail.us-east-1.AmazonAWS.com", "https://cloudtrail.us-east-1.amazonaws.com.",
			"https://cloudtrail.us-east-1.amazonaws.com..", "https://cloudtrail.us-east-1.amazonaws.com:443/", "https://cloudtrail.cn-north-1.amazonaws.com.cn",
			"https://cloudtrail.us-east-1.api.aws", "https://cloudtrail.cn-north-1.api.amazonwebservices.com.cn", "https://x.lambda-url.us-east-1.on.aws",
			"https://cloudtrail.eusc-de-east-1.amazonaws.eu", "https://cloudtrail.eusc-de-east-1.api.amazonwebservices.eu", "https://cloudtrail.us-iso-east-1.c2s.ic.gov",
			"https://cloudtrail.us-isob-east-1.sc2s.sgov.gov", "https://cloudtrail.eu-isoe-west-1.cloud.adc-e.uk", "https://cloudtrail.us-isof-south-1.csp.hci.ic.gov",
			"https://cloudtrail.us-isob-east-1.api.aws.scloud", "https://cloudtrail-fips.us-gov-west-1.amazonaws.com", "https://amazonaws.com",
			"https://cloudtrail.us-east-1.amazonaws.com.example.org", "cloudtrail.us-east-1.amazonaws.com", "//cloudtrail.us-east-1.amazonaws.com",
			"https://user:secret@cloudtrail.us-east-1.amazonaws.com", "https://localhost@cloudtrail.us-east-1.amazonaws.com", "ftp://cloudtrail.us-east-1.amazonaws.com",
			"https://cloudtrail%2Eus-east-1%2Eamazonaws%2Ecom", "https://cloudtrail.us-east-1.%61mazonaws.com", "https://cloudtrail.us-east-1.amazonaws%252Ecom",
			"https://cloudtrail。us-east-1。amazonaws。com", "https://cloudtrail.us-east-1.ａｍａｚｏｎａｗｓ.com", "https://cloudtrail.us-east-1.amazonaws．com",
			"https://cloudtrail.us-east-1.amazon\u00adaws.com", "https://cloudtrail.us-east-1.amazona\u200bws.com", "https://cloudtrail.us-east-1.amazonaw\u017f.com",
			"https://cloudtrail.us-east-1.ⓐmazonaws.com", "https://cloudtrail.us-east-1.amazonaws.com\\@localhost", " https://cloudtrail.us-east-1.amazonaws.com",
			"https://cloudtrail.us-east-1.amazon\taws.com", "HTTPS://CLOUDTRAIL.US-EAST-1.AMAZONAWS.COM/?q#f",
			"http://169.254.169.254", "http://169.254.169.254:80/latest", "http://169.254.170.2", "http://[fd00:ec2::254]", "http://[FD00:EC2:0:0::254]:80",
			"http://[::ffff:169.254.169.254]", "http://[::ffff:a9fe:a9fe]", "http://[64:ff9b::a9fe:a9fe]", "http://[::a9fe:a9fe]", "http://[2002:a9fe:a9fe::]",
			"http://2852039166", "http://0xA9FEA9FE", "http://0251.0376.0251.0376", "http://169.254.43518", "http://169.16689662", "http://0xa9.254.0251.254",
			"http://169.254.169.254.", "http://１６９.254.169.254", "http://169%2E254%2E169%2E254",
		}},
	}
	for _, test := range tests {
		for _, text := range test.texts {
			u, err := CheckURL(text)
			assert.Nil(t, u, "%q", text)
			if assert.ErrorIs(t, err, test.class, "%q", text) {
				assert.NotContains(t, err.Error(), "\n")
				assert.NotContains(t, err.Error(), "secret")
			}
			_, err = New(Options{URL: text})
			assert.ErrorIs(t, err, test.class, "%q", text)
		}
	}
}

func TestNewOptions(t *testing.T) {
	for _, options := range []Options{
		{Regions: []string{"a", "b", "c"}}, {Regions: []string{"us-east-1", "us-east-1"}}, {Regions: []string{"us east"}}, {Regions: []string{""}},
		{Regions: []string{"us-east-1/../x"}}, {Timeout: -1}, {Conns: -1},
	} {
		options.URL = "http://localhost"
		_, err := New(options)
		assert.ErrorIs(t, err, targets.ErrUsage, "%+v", options)
	}
}

func TestGuardDial(t *testing.T) {
	for _, address := range []string{"169.254.169.254:80", "[fd00:ec2::254]:80", "[::ffff:169.254.169.254]:443"} {
		assert.ErrorIs(t, guardDial("tcp", address, nil), targets.ErrRefused, address)
	}
	for _, address := range []string{"127.0.0.1:80", "[::1]:80", "10.0.0.1:443", "/socket"} {
		assert.NoError(t, guardDial("tcp", address, nil), address)
	}
	target, err := New(Options{URL: "http://127.0.0.1"})
	require.NoError(t, err)
	target.url.Host = "169.254.169.254" // as if a name had resolved to it
	_, err = target.Open(t.Context())
	assert.ErrorIs(t, err, targets.ErrRefused)
}

func FuzzCheckURL(f *testing.F) {
	f.Add("http://127.0.0.1:5000")
	f.Add("https://cloudtrail%2eus-east-1.amazonaws.com")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := CheckURL(text)
		if err != nil {
			if !errors.Is(err, targets.ErrUsage) && !errors.Is(err, targets.ErrRefused) {
				t.Fatal(err)
			}
			return
		}
		if strings.Contains(strings.ToLower(u.Host), "amazonaws.com") && isAWS(strings.ToLower(u.Hostname())) || u.User != nil {
			t.Fatal(u)
		}
	})
}
