package endpoint

import (
	"cmp"
	"context"
	"errors"

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
	env, err := config.NewEnvConfig()
	if err != nil {
		return nil, usage("the SDK's configuration in the environment cannot be read; mend it, or leave out --use-environment-credentials")
	}
	found, from, err := atHand(ctx, env)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, usage("--use-environment-credentials takes only keys that no request is needed for, and found %s; "+
			"export AWS_ACCESS_KEY_ID and so on, as 'aws configure export-credentials --format env' prints them, or leave it out", from)
	}
	if _, err := found.Retrieve(ctx); err != nil {
		return nil, usage("%s gives no keys; run it to see why, or leave out --use-environment-credentials", from)
	}
	return found, nil
}

// atHand finds credentials in the order of the SDK's chain, none where they take a request: that would show tokens to
// whoever answers it. from says what was found.
func atHand(ctx context.Context, env config.EnvConfig) (found aws.CredentialsProvider, from string, err error) {
	switch {
	case env.Credentials.HasKeys():
		return credentials.StaticCredentialsProvider{Value: env.Credentials}, "keys in the environment", nil
	case env.WebIdentityTokenFilePath != "":
		return nil, "AWS_WEB_IDENTITY_TOKEN_FILE (web identity)", nil
	}
	profile := cmp.Or(env.SharedConfigProfile, "default")
	shared, err := config.LoadSharedConfigProfile(ctx, profile, func(o *config.LoadSharedConfigOptions) {
		if env.SharedConfigFile != "" {
			o.ConfigFiles = []string{env.SharedConfigFile}
		}
		if env.SharedCredentialsFile != "" {
			o.CredentialsFiles = []string{env.SharedCredentialsFile}
		}
	})
	if missing := (config.SharedConfigProfileNotExistError{}); err != nil && !errors.As(err, &missing) {
		return nil, "", usage("the profile %q cannot be read; mend the files in ~/.aws, or leave out --use-environment-credentials", profile)
	}
	from = " in the profile " + profile
	switch s := shared; {
	case s.RoleARN != "":
		from = "role_arn (a role to assume)" + from
	case s.Credentials.HasKeys():
		found = credentials.StaticCredentialsProvider{Value: s.Credentials}
	case cmp.Or(s.SSOSessionName, s.SSOAccountID, s.SSORegion, s.SSORoleName, s.SSOStartURL) != "":
		from = "an SSO session" + from
	case s.LoginSession != "":
		from = "a login session" + from
	case s.CredentialProcess != "":
		from = "credential_process" + from
		found = aws.NewCredentialsCache(processcreds.NewProvider(s.CredentialProcess))
	case env.ContainerCredentialsRelativePath+env.ContainerCredentialsEndpoint != "":
		from = "AWS_CONTAINER_CREDENTIALS_… (a container's role)"
	default:
		from = "none in the environment nor" + from
	}
	return found, from, nil
}
