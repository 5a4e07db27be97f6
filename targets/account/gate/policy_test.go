package gate

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/ledger"
)

// TestPolicyIsJustWhatIsSent holds the policy against the operations that the Gate admits, both ways.
func TestPolicyIsJustWhatIsSent(t *testing.T) {
	document, err := Policy("", []string{"us-east-1", "eu-west-1"}, true, true)
	require.NoError(t, err)
	allowed := map[string][]string{}
	for _, s := range document.Statement {
		assert.Equal(t, "Allow", s.Effect)
		for _, action := range s.Action {
			assert.NotContains(t, action, "*")
			allowed[action] = append(allowed[action], s.Sid)
		}
	}
	needed := map[string]bool{}
	for name, op := range operations {
		if name == "sts:GetCallerIdentity" {
			assert.Empty(t, op.permissions(name), "anybody may ask who they are")
			continue
		}
		require.NotEmpty(t, op.permissions(name), name)
		for _, action := range op.permissions(name) {
			needed[action] = true
			assert.Contains(t, allowed, action, name)
		}
	}
	for action := range allowed {
		assert.True(t, needed[action], "%s is permitted and never needed", action)
	}
	// Every operation of the model is sent or answered for.
	for _, op := range model.Ops {
		if _, sent := operations["cloudtrail:"+string(op)]; !sent {
			assert.Contains(t, []model.Op{model.OpArrange, model.OpRestoreStore, model.OpStartIngestion, model.OpStopIngestion}, op)
		}
	}
	// What changes anything is limited to names, or to tags where there are no names.
	for _, s := range document.Statement {
		if s.Sid == "Look" || s.Sid == "ListTrails" {
			for _, action := range s.Action {
				assert.Regexp(t, `:(List|Describe)`, action)
			}
			continue
		}
		for _, resource := range s.Resource {
			if strings.Contains(resource, "eventdatastore") {
				assert.Contains(t, fmt.Sprint(s.Condition), "Tag/"+ledger.TagKey)
				continue
			}
			assert.Contains(t, resource, "conform-*")
		}
	}
	text := string(document.JSON())
	assert.True(t, json.Valid([]byte(text)))
	assert.NotRegexp(t, `\b[0-9]{12}\b`, text)

	plain, err := Policy("conform-night1", []string{"cn-north-1"}, false, false)
	require.NoError(t, err)
	assert.NotContains(t, string(plain.JSON()), "Logging")
	assert.NotContains(t, string(plain.JSON()), "EventDataStore")
	assert.Contains(t, string(plain.JSON()), "arn:aws-cn:cloudtrail:cn-north-1:*:trail/conform-night1-*")
	for _, o := range []struct {
		prefix  string
		regions []string
	}{{"", nil}, {"", []string{"*"}}, {"*", []string{"us-east-1"}}} {
		_, err := Policy(o.prefix, o.regions, false, false)
		assert.ErrorIs(t, err, targets.ErrUsage)
	}
}

// TestPageGivesAReasonForEachPermission: what the policy may have stands on the page once, with its reason and the flag
// that it takes, and nothing else does.
func TestPageGivesAReasonForEachPermission(t *testing.T) {
	text, err := os.ReadFile("../../../docs/nightly-account-check.md")
	require.NoError(t, err)
	actions := func(logging, storing bool) []string {
		document, err := Policy("", []string{"us-east-1"}, logging, storing)
		require.NoError(t, err)
		var all []string
		for _, s := range document.Statement {
			all = append(all, s.Action...)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	always, logging, storing := actions(false, false), actions(true, false), actions(false, true)
	var found []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+:\\w+)` \\| (\\S.*) \\| (\\S.*) \\|$").FindAllStringSubmatch(string(text), -1) {
		action := row[1]
		found = append(found, action)
		onlyWith := func(flag string, allowed []string) {
			needs := !slices.Contains(always, action) && slices.Contains(allowed, action)
			assert.Equal(t, needs, strings.HasSuffix(row[3], "; only with `"+flag+"`"), row[0])
		}
		onlyWith("--allow-logging", logging)
		onlyWith("--stores", storing)
	}
	assert.ElementsMatch(t, actions(true, true), found)
}

const template = "../../../deploy/sandbox-role.yaml"

// TestTemplateHasThePolicy evaluates the template with its defaults, and with logging: its policy is the printed one.
func TestTemplateHasThePolicy(t *testing.T) {
	for logging, allowed := range map[string]bool{"": false, "false": false, "true": true} {
		root, region := instantiated(t, map[string]string{"AllowLogging": logging})
		role := root["Resources"].(map[string]any)["Role"].(map[string]any)
		require.Equal(t, "AWS::IAM::Role", role["Type"])
		policies := role["Properties"].(map[string]any)["Policies"].([]any)
		require.Len(t, policies, 1)
		got, err := json.Marshal(policies[0].(map[string]any)["PolicyDocument"])
		require.NoError(t, err)
		want, err := Policy("", []string{region}, allowed, false)
		require.NoError(t, err)
		assert.JSONEq(t, string(want.JSON()), string(got), "AllowLogging is %q", logging)
	}
}

// instantiated is the template with some parameters, the others as they are by default, and its Region.
func instantiated(t *testing.T, given map[string]string) (root map[string]any, region string) {
	data, err := os.ReadFile(template)
	require.NoError(t, err)
	var document yaml.Node
	require.NoError(t, yaml.Unmarshal(data, &document))
	var raw struct {
		Parameters map[string]struct {
			Default any `yaml:"Default"`
		} `yaml:"Parameters"`
		Conditions map[string]yaml.Node `yaml:"Conditions"`
	}
	require.NoError(t, document.Decode(&raw))
	values := map[string]string{"AWS::Partition": "aws"}
	for name, parameter := range raw.Parameters {
		if parameter.Default != nil {
			values[name] = fmt.Sprint(parameter.Default)
		}
		if given[name] != "" {
			values[name] = given[name]
		}
	}
	for name, condition := range raw.Conditions {
		values["condition "+name] = fmt.Sprint(evaluate(t, &condition, values))
	}
	return evaluate(t, document.Content[0], values).(map[string]any), values["Region"]
}

func TestTemplateTrustsOneBranchAlone(t *testing.T) {
	root, _ := instantiated(t, nil)
	properties := root["Resources"].(map[string]any)["Role"].(map[string]any)["Properties"].(map[string]any)
	assert.Equal(t, map[string]any{"NeedsProvider": true, "MayLog": false}, root["Conditions"])
	trust, err := json.Marshal(properties["AssumeRolePolicyDocument"])
	require.NoError(t, err)
	assert.Contains(t, string(trust), "sts:AssumeRoleWithWebIdentity")
	assert.Contains(t, string(trust), `"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"`)
	assert.Contains(t, string(trust), `"token.actions.githubusercontent.com:sub"`)
	assert.NotContains(t, string(trust), `:*"`, "no repository and no branch but the named one")
}

var placeholder = regexp.MustCompile(`\$\{(!?)([A-Za-z:.]+)\}`)

// evaluate resolves the short forms of !Ref, !Sub, !GetAtt, !If and !Equals.
func evaluate(t *testing.T, node *yaml.Node, values map[string]string) any {
	substitute := func(text string) string {
		return placeholder.ReplaceAllStringFunc(text, func(match string) string {
			parts := placeholder.FindStringSubmatch(match)
			if parts[1] != "" {
				return "${" + parts[2] + "}"
			}
			value, ok := values[parts[2]]
			if !ok {
				value = parts[2]
			}
			return value
		})
	}
	switch node.Tag {
	case "!Sub":
		return substitute(node.Value)
	case "!Ref":
		return substitute("${" + node.Value + "}")
	case "!GetAtt":
		return node.Value
	case "!Equals":
		return evaluate(t, node.Content[0], values) == evaluate(t, node.Content[1], values)
	case "!If":
		holds, known := values["condition "+node.Content[0].Value]
		require.True(t, known, node.Content[0].Value)
		return evaluate(t, node.Content[map[string]int{"true": 1, "false": 2}[holds]], values)
	}
	require.True(t, strings.HasPrefix(node.Tag, "!!"), "the tag %s in line %d", node.Tag, node.Line)
	switch node.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			out[substitute(node.Content[i].Value)] = evaluate(t, node.Content[i+1], values)
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for _, item := range node.Content {
			if one := evaluate(t, item, values); one != "AWS::NoValue" {
				out = append(out, one)
			}
		}
		return out
	}
	var value any
	require.NoError(t, node.Decode(&value))
	if text, ok := value.(string); ok && node.Tag == "!!str" {
		return text
	}
	return value
}
