package mock

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/insightconform/conform/model"
)

// callsOf finds the methods of the SDK client that a value has, by their exact signatures.
func callsOf(value any) map[model.Op]call {
	calls := map[model.Op]call{}
	if v, ok := value.(interface {
		PutInsightSelectors(context.Context, *cloudtrail.PutInsightSelectorsInput, ...func(*cloudtrail.Options)) (*cloudtrail.PutInsightSelectorsOutput, error)
	}); ok {
		calls[model.OpPut] = method(v.PutInsightSelectors)
	}
	if v, ok := value.(interface {
		GetInsightSelectors(context.Context, *cloudtrail.GetInsightSelectorsInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetInsightSelectorsOutput, error)
	}); ok {
		calls[model.OpGet] = method(v.GetInsightSelectors)
	}
	if v, ok := value.(interface {
		CreateTrail(context.Context, *cloudtrail.CreateTrailInput, ...func(*cloudtrail.Options)) (*cloudtrail.CreateTrailOutput, error)
	}); ok {
		calls[model.OpCreate] = method(v.CreateTrail)
	}
	if v, ok := value.(interface {
		UpdateTrail(context.Context, *cloudtrail.UpdateTrailInput, ...func(*cloudtrail.Options)) (*cloudtrail.UpdateTrailOutput, error)
	}); ok {
		calls[model.OpUpdate] = method(v.UpdateTrail)
	}
	if v, ok := value.(interface {
		DeleteTrail(context.Context, *cloudtrail.DeleteTrailInput, ...func(*cloudtrail.Options)) (*cloudtrail.DeleteTrailOutput, error)
	}); ok {
		calls[model.OpDelete] = method(v.DeleteTrail)
	}
	if v, ok := value.(interface {
		GetTrail(context.Context, *cloudtrail.GetTrailInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetTrailOutput, error)
	}); ok {
		calls[model.OpTrail] = method(v.GetTrail)
	}
	if v, ok := value.(interface {
		GetTrailStatus(context.Context, *cloudtrail.GetTrailStatusInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetTrailStatusOutput, error)
	}); ok {
		calls[model.OpStatus] = method(v.GetTrailStatus)
	}
	if v, ok := value.(interface {
		StartLogging(context.Context, *cloudtrail.StartLoggingInput, ...func(*cloudtrail.Options)) (*cloudtrail.StartLoggingOutput, error)
	}); ok {
		calls[model.OpStart] = method(v.StartLogging)
	}
	if v, ok := value.(interface {
		StopLogging(context.Context, *cloudtrail.StopLoggingInput, ...func(*cloudtrail.Options)) (*cloudtrail.StopLoggingOutput, error)
	}); ok {
		calls[model.OpStop] = method(v.StopLogging)
	}
	if v, ok := value.(interface {
		PutEventSelectors(context.Context, *cloudtrail.PutEventSelectorsInput, ...func(*cloudtrail.Options)) (*cloudtrail.PutEventSelectorsOutput, error)
	}); ok {
		calls[model.OpPutEvents] = method(v.PutEventSelectors)
	}
	if v, ok := value.(interface {
		GetEventSelectors(context.Context, *cloudtrail.GetEventSelectorsInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetEventSelectorsOutput, error)
	}); ok {
		calls[model.OpGetEvents] = method(v.GetEventSelectors)
	}
	if v, ok := value.(interface {
		CreateEventDataStore(context.Context, *cloudtrail.CreateEventDataStoreInput, ...func(*cloudtrail.Options)) (*cloudtrail.CreateEventDataStoreOutput, error)
	}); ok {
		calls[model.OpCreateStore] = method(v.CreateEventDataStore)
	}
	if v, ok := value.(interface {
		GetEventDataStore(context.Context, *cloudtrail.GetEventDataStoreInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetEventDataStoreOutput, error)
	}); ok {
		calls[model.OpGetStore] = method(v.GetEventDataStore)
	}
	if v, ok := value.(interface {
		UpdateEventDataStore(context.Context, *cloudtrail.UpdateEventDataStoreInput, ...func(*cloudtrail.Options)) (*cloudtrail.UpdateEventDataStoreOutput, error)
	}); ok {
		calls[model.OpUpdateStore] = method(v.UpdateEventDataStore)
	}
	if v, ok := value.(interface {
		DeleteEventDataStore(context.Context, *cloudtrail.DeleteEventDataStoreInput, ...func(*cloudtrail.Options)) (*cloudtrail.DeleteEventDataStoreOutput, error)
	}); ok {
		calls[model.OpDeleteStore] = method(v.DeleteEventDataStore)
	}
	if v, ok := value.(interface {
		RestoreEventDataStore(context.Context, *cloudtrail.RestoreEventDataStoreInput, ...func(*cloudtrail.Options)) (*cloudtrail.RestoreEventDataStoreOutput, error)
	}); ok {
		calls[model.OpRestoreStore] = method(v.RestoreEventDataStore)
	}
	return calls
}
