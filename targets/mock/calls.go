package mock

import (
	"context"
	"encoding/json"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/smithy-go"

	"github.com/insightconform/conform/model"
)

// call invokes one method with a JSON input and returns its output.
type call func(ctx context.Context, input []byte) (any, error)

// callsOf finds the methods of the SDK client that a value has, by their exact signatures.
func callsOf(value any) map[model.Op]call {
	calls := map[model.Op]call{}
	client, v := reflect.ValueOf((*cloudtrail.Client)(nil)), reflect.ValueOf(value)
	for _, op := range model.Ops {
		like := client.MethodByName(string(op))
		if !like.IsValid() || !v.IsValid() {
			continue
		}
		if method := v.MethodByName(string(op)); method.IsValid() && method.Type() == like.Type() {
			calls[op] = callOf(method)
		}
	}
	return calls
}

func callOf(method reflect.Value) call {
	return func(ctx context.Context, input []byte) (any, error) {
		in := reflect.New(method.Type().In(1).Elem())
		if err := json.Unmarshal(input, in.Interface()); err != nil {
			return nil, &smithy.GenericAPIError{Code: "SerializationException", Message: err.Error()} // a typed input cannot say it
		}
		out := method.Call([]reflect.Value{reflect.ValueOf(ctx), in})
		if err, _ := out[1].Interface().(error); err != nil || out[0].IsNil() {
			return nil, err // no output and no error is heard as such
		}
		return out[0].Interface(), nil
	}
}
