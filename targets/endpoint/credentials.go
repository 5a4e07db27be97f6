package endpoint

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
)

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
		if _, err := provider.Retrieve(ctx); err == nil {
			return provider, nil
		}
	}
	return nil, usage("--use-environment-credentials takes only keys that no request is needed for, and found %s; export "+
		"AWS_ACCESS_KEY_ID and so on, as 'aws configure export-credentials --format env' prints them, or leave it out", found)
}

// atHand finds credentials in the order of the SDK's chain, nil where they take a request: that would show tokens to
// whoever answers it. found says what is there instead, or where keys would come from.
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
		return aws.NewCredentialsCache(processcreds.NewProvider(s.CredentialProcess)),
			"a credential_process in the profile " + profile + " that gives none"
	case env.ContainerCredentialsRelativePath+env.ContainerCredentialsEndpoint != "":
		return nil, "AWS_CONTAINER_CREDENTIALS_… (the role of a container)"
	}
	return nil, "none in the environment, nor any that can be read in the profile " + profile
}
