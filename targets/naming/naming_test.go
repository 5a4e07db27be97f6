package naming

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// scripted is a target with one world, which answers as it is told and keeps what it was sent.
type scripted struct {
	world scriptedWorld
	info  targets.Info
}

type scriptedWorld struct {
	names  targets.Names
	answer func(model.Request) targets.Reply
	sent   []model.Request
}

func (s *scripted) Open(context.Context) (targets.Info, error)      { return s.info, nil }
func (s *scripted) NewWorld(context.Context) (targets.World, error) { return &s.world, nil }
func (s *scripted) Close() error                                    { return nil }
func (w *scriptedWorld) Names() targets.Names                       { return w.names }
func (w *scriptedWorld) Close(context.Context) error                { return nil }
func (w *scriptedWorld) Do(_ context.Context, r model.Request) targets.Reply {
	w.sent = append(w.sent, r)
	return w.answer(r)
}

func (s *scripted) last() model.Request { return s.world.sent[len(s.world.sent)-1] }

func openWorld(t *testing.T, s *scripted) targets.World {
	wrapped := Wrap(s)
	require.Same(t, wrapped, Wrap(wrapped))
	_, err := wrapped.Open(t.Context())
	require.NoError(t, err)
	w, err := wrapped.NewWorld(t.Context())
	require.NoError(t, err)
	return w
}

func succeeded(r model.Request, body value.Value) targets.Reply {
	answer, _ := wire.ReadSuccess(r.Op, body)
	return targets.Reply{Answer: answer, Body: body}
}

const elsewhere = "arn:aws-cn:cloudtrail:cn-north-1:555566667777:trail/"

func TestLearnsAccount(t *testing.T) {
	s := &scripted{info: targets.Info{Region: "cn-north-1"}}
	s.world.answer = func(r model.Request) targets.Reply {
		return succeeded(r, value.Obj("TrailARN", elsewhere+r.Input.Get("Name").Text()))
	}
	// A world that does not say how things are called.
	w := openWorld(t, s).(*world)
	w.binding.names, w.learns = targets.Names{Regions: []string{"cn-north-1"}}, true
	w.binding = newBinding(w.binding.names, newIdentity(w.binding.names))
	reply := w.Do(t.Context(), generators.Create("alpha"))
	assert.Equal(t, model.DefaultWorld.TrailARN(model.DefaultWorld.Home, "alpha"), reply.Answer.TrailARN)
	assert.Equal(t, "cn-north-1", s.last().Region)
	w.Do(t.Context(), generators.Get(reply.Answer.TrailARN))
	assert.True(t, strings.HasPrefix(s.last().Input.Get("TrailName").Text(), elsewhere+"alpha-"), s.last().Input)
}

func TestLends(t *testing.T) {
	s := &scripted{}
	s.world.names = targets.Names{Kept: true, Account: "000000000000", Trails: []string{"given-trail-1", "beta"}}
	s.world.answer = func(r model.Request) targets.Reply {
		return targets.Reply{Answer: model.Refusal("X"), Body: value.Obj("Message", "no "+r.Input.Get("TrailName").Text())}
	}
	w := openWorld(t, s)
	assert.Equal(t, model.DefaultWorld.TrailARN(model.DefaultWorld.Home, "alpha"), w.Do(t.Context(), generators.Create("alpha")).Answer.TrailARN)
	assert.Empty(t, s.world.sent)
	reply := w.Do(t.Context(), generators.Get(model.DefaultWorld.TrailARN(model.DefaultWorld.Home, "alpha")))
	assert.Equal(t, "arn:aws:cloudtrail:us-east-1:000000000000:trail/given-trail-1", s.last().Input.Get("TrailName").Text())
	assert.Equal(t, "no "+model.DefaultWorld.TrailARN(model.DefaultWorld.Home, "alpha"), strings.ReplaceAll(reply.Body.Get("Message").Text(), "000000000000", "123456789012"))
	w.Do(t.Context(), generators.Get("beta"))
	assert.Equal(t, "beta-0", s.last().Input.Get("TrailName").Text(), "it exists and was not lent")
	assert.Equal(t, model.Succeeded, w.Do(t.Context(), generators.Create("gamma")).Answer.Outcome)
	assert.Equal(t, model.Refused, w.Do(t.Context(), generators.Create("delta")).Answer.Outcome, "no more are there")
}

func TestInstead(t *testing.T) {
	s := &scripted{}
	s.world.names = targets.Names{Prefix: "conform-x", Tag: "abcdefghij", Account: "555566667777", Secret: true, Bucket: "conform-x-bucket"}
	const old = "conform-x-zyxwvutsrq-alpha"
	s.world.answer = func(r model.Request) targets.Reply {
		reply := succeeded(r, value.Obj("Name", old, "S3BucketName", r.Input.Get("S3BucketName"), "KmsKeyId", "key-1234567890",
			"Message", "account 555566667777 has "+old+"2"))
		reply.Instead = map[string]string{old: r.Input.Get("Name").Text(), "key-1234567890": generators.OwnKey}
		return reply
	}
	w := openWorld(t, s)
	reply := w.Do(t.Context(), generators.Create("alpha"))
	assert.Equal(t, "conform-x-abcdefghij-alpha", s.last().Input.Get("Name").Text())
	assert.Equal(t, "conform-x-bucket", s.last().Input.Get("S3BucketName").Text())
	assert.Equal(t, `{"Name":"alpha","S3BucketName":"conform-bucket","KmsKeyId":"conform-key","Message":"account 123456789012 has alpha2"}`, reply.Body.String())
	for symbolic, concrete := range map[string]string{"alpha": old, "ALPHA": "conform-x-zyxwvutsrq-ALPHA", "beta": "conform-x-abcdefghij-beta", "a/beta:": "a/conform-x-abcdefghij-beta:"} {
		w.Do(t.Context(), generators.Get(symbolic))
		assert.Equal(t, concrete, s.last().Input.Get("TrailName").Text())
	}
}
