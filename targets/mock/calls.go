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
	for op, find := range methods {
		if c := find(reflect.ValueOf(value), string(op)); c != nil {
			calls[op] = c
		}
	}
	return calls
}

var methods = map[model.Op]func(value reflect.Value, name string) call{
	model.OpPut:          like((*cloudtrail.Client).PutInsightSelectors),
	model.OpGet:          like((*cloudtrail.Client).GetInsightSelectors),
	model.OpCreate:       like((*cloudtrail.Client).CreateTrail),
	model.OpUpdate:       like((*cloudtrail.Client).UpdateTrail),
	model.OpDelete:       like((*cloudtrail.Client).DeleteTrail),
	model.OpTrail:        like((*cloudtrail.Client).GetTrail),
	model.OpStatus:       like((*cloudtrail.Client).GetTrailStatus),
	model.OpStart:        like((*cloudtrail.Client).StartLogging),
	model.OpStop:         like((*cloudtrail.Client).StopLogging),
	model.OpPutEvents:    like((*cloudtrail.Client).PutEventSelectors),
	model.OpGetEvents:    like((*cloudtrail.Client).GetEventSelectors),
	model.OpCreateStore:  like((*cloudtrail.Client).CreateEventDataStore),
	model.OpGetStore:     like((*cloudtrail.Client).GetEventDataStore),
	model.OpUpdateStore:  like((*cloudtrail.Client).UpdateEventDataStore),
	model.OpDeleteStore:  like((*cloudtrail.Client).DeleteEventDataStore),
	model.OpRestoreStore: like((*cloudtrail.Client).RestoreEventDataStore),
}

// like finds the method of a value that has a name and the signature of one of the client's.
func like[I, O any](func(*cloudtrail.Client, context.Context, *I, ...func(*cloudtrail.Options)) (*O,
	error)) func(reflect.Value, string) call {
	return func(value reflect.Value, name string) call {
		if !value.IsValid() {
			return nil
		}
		method := value.MethodByName(name)
		if !method.IsValid() {
			return nil
		}
		f, ok := method.Interface().(func(context.Context, *I, ...func(*cloudtrail.Options)) (*O, error))
		if !ok {
			return nil
		}
		return func(ctx context.Context, input []byte) (any, error) {
			in := new(I)
			if err := json.Unmarshal(input, in); err != nil {
				return nil, &smithy.GenericAPIError{Code: "SerializationException", Message: err.Error()} // a typed input cannot say it
			}
			out, err := f(ctx, in)
			if err != nil || out == nil {
				return nil, err // no output and no error is heard as such
			}
			return out, nil
		}
	}
}
