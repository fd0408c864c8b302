/** Messages of meta/v1 and of the small groups. Syntax: see ./messages.ts. */
export const META = `
meta.ObjectMeta: 1 name:string, 2 generateName:string, 3 namespace:string, 4 selfLink:string, 5 uid:string, 6 resourceVersion:string, 7 generation:int64, 8 creationTimestamp:m.Time, 9 deletionTimestamp:m.Time, 10 deletionGracePeriodSeconds:int64*, 11 labels:map<string,string>, 12 annotations:map<string,string>, 13 ownerReferences:[]m.OwnerReference, 14 finalizers:[]string, 17 managedFields:[]m.ManagedFieldsEntry
meta.Time: 1 seconds:int64, 2 nanos:int32
meta.OwnerReference: 5 apiVersion:string!, 1 kind:string!, 3 name:string!, 4 uid:string!, 6 controller:bool*, 7 blockOwnerDeletion:bool*
meta.ManagedFieldsEntry: 1 manager:string, 2 operation:string, 3 apiVersion:string, 4 time:m.Time, 6 fieldsType:string, 7 fieldsV1:m.FieldsV1, 8 subresource:string
meta.FieldsV1: 1 Raw:bytes!
meta.DeleteOptions: 1 gracePeriodSeconds:int64*, 2 preconditions:m.Preconditions, 3 orphanDependents:bool*, 4 propagationPolicy:string*, 5 dryRun:[]string, 6 ignoreStoreReadErrorWithClusterBreakingPotential:bool*
meta.Preconditions: 1 uid:string*, 2 resourceVersion:string*
meta.LabelSelector: 1 matchLabels:map<string,string>, 2 matchExpressions:[]m.LabelSelectorRequirement
meta.LabelSelectorRequirement: 1 key:string!, 2 operator:string!, 3 values:[]string
meta.Status: 1 metadata:m.ListMeta, 2 status:string, 3 message:string, 4 reason:string, 5 details:m.StatusDetails, 6 code:int32
meta.ListMeta: 1 selfLink:string, 2 resourceVersion:string, 3 continue:string, 4 remainingItemCount:int64*
meta.StatusDetails: 1 name:string, 2 group:string, 3 kind:string, 6 uid:string, 4 causes:[]m.StatusCause, 5 retryAfterSeconds:int32
meta.StatusCause: 1 reason:string, 2 message:string, 3 field:string
util.intstr.IntOrString: 1 type:int64, 2 intVal:int32, 3 strVal:string
meta.Condition: 1 type:string!, 2 status:string!, 3 observedGeneration:int64, 4 lastTransitionTime:m.Time, 5 reason:string!, 6 message:string!
meta.MicroTime: 1 seconds:int64, 2 nanos:int32
events.v1.Event: 1 metadata:m.ObjectMeta, 2 eventTime:m.MicroTime, 3 series:events.v1.EventSeries, 4 reportingController:string, 5 reportingInstance:string, 6 action:string, 7 reason:string, 8 regarding:ObjectReference, 9 related:ObjectReference, 10 note:string, 11 type:string, 12 deprecatedSource:EventSource, 13 deprecatedFirstTimestamp:m.Time, 14 deprecatedLastTimestamp:m.Time, 15 deprecatedCount:int32
events.v1.EventSeries: 1 count:int32!, 2 lastObservedTime:m.MicroTime
coordination.v1.Lease: 1 metadata:m.ObjectMeta, 2 spec:coordination.v1.LeaseSpec
coordination.v1.LeaseSpec: 1 holderIdentity:string*, 2 leaseDurationSeconds:int32*, 3 acquireTime:m.MicroTime, 4 renewTime:m.MicroTime, 5 leaseTransitions:int32*, 6 strategy:string*, 7 preferredHolder:string*
discovery.v1.EndpointSlice: 1 metadata:m.ObjectMeta, 4 addressType:string!, 2 endpoints:[]discovery.v1.Endpoint, 3 ports:[]discovery.v1.EndpointPort
discovery.v1.Endpoint: 1 addresses:[]string, 2 conditions:discovery.v1.EndpointConditions, 3 hostname:string*, 4 targetRef:ObjectReference, 5 deprecatedTopology:map<string,string>, 6 nodeName:string*, 7 zone:string*, 8 hints:discovery.v1.EndpointHints
discovery.v1.EndpointConditions: 1 ready:bool*, 2 serving:bool*, 3 terminating:bool*
discovery.v1.EndpointHints: 1 forZones:[]discovery.v1.ForZone, 2 forNodes:[]discovery.v1.ForNode
discovery.v1.ForZone: 1 name:string!
discovery.v1.ForNode: 1 name:string!
discovery.v1.EndpointPort: 1 name:string*, 2 protocol:string*, 3 port:int32*, 4 appProtocol:string*
authentication.v1.TokenReview: 1 metadata:m.ObjectMeta, 2 spec:authentication.v1.TokenReviewSpec, 3 status:authentication.v1.TokenReviewStatus
authentication.v1.TokenReviewSpec: 1 token:string, 2 audiences:[]string
authentication.v1.TokenReviewStatus: 1 authenticated:bool, 2 user:authentication.v1.UserInfo, 4 audiences:[]string, 3 error:string
authentication.v1.UserInfo: 1 username:string, 2 uid:string, 3 groups:[]string, 4 extra:map<string,authentication.v1.ExtraValue>
authentication.v1.ExtraValue: 1 items:[]string
authentication.v1.TokenRequest: 1 metadata:m.ObjectMeta, 2 spec:authentication.v1.TokenRequestSpec, 3 status:authentication.v1.TokenRequestStatus
authentication.v1.TokenRequestSpec: 1 audiences:[]string, 4 expirationSeconds:int64*, 3 boundObjectRef:authentication.v1.BoundObjectReference
authentication.v1.BoundObjectReference: 1 kind:string, 2 apiVersion:string, 3 name:string, 4 uID:string
authentication.v1.TokenRequestStatus: 1 token:string!, 2 expirationTimestamp:m.Time
authentication.v1.SelfSubjectReview: 1 metadata:m.ObjectMeta, 2 status:authentication.v1.SelfSubjectReviewStatus
authentication.v1.SelfSubjectReviewStatus: 1 userInfo:authentication.v1.UserInfo
authorization.v1.SelfSubjectAccessReview: 1 metadata:m.ObjectMeta, 2 spec:authorization.v1.SelfSubjectAccessReviewSpec, 3 status:authorization.v1.SubjectAccessReviewStatus
authorization.v1.SelfSubjectAccessReviewSpec: 1 resourceAttributes:authorization.v1.ResourceAttributes, 2 nonResourceAttributes:authorization.v1.NonResourceAttributes
authorization.v1.ResourceAttributes: 1 namespace:string, 2 verb:string, 3 group:string, 4 version:string, 5 resource:string, 6 subresource:string, 7 name:string, 8 fieldSelector:authorization.v1.FieldSelectorAttributes, 9 labelSelector:authorization.v1.LabelSelectorAttributes
authorization.v1.FieldSelectorAttributes: 1 rawSelector:string, 2 requirements:[]m.FieldSelectorRequirement
meta.FieldSelectorRequirement: 1 key:string!, 2 operator:string!, 3 values:[]string
authorization.v1.LabelSelectorAttributes: 1 rawSelector:string, 2 requirements:[]m.LabelSelectorRequirement
authorization.v1.NonResourceAttributes: 1 path:string, 2 verb:string
authorization.v1.SubjectAccessReviewStatus: 1 allowed:bool!, 4 denied:bool, 2 reason:string, 3 evaluationError:string
authorization.v1.SubjectAccessReview: 1 metadata:m.ObjectMeta, 2 spec:authorization.v1.SubjectAccessReviewSpec, 3 status:authorization.v1.SubjectAccessReviewStatus
authorization.v1.SubjectAccessReviewSpec: 1 resourceAttributes:authorization.v1.ResourceAttributes, 2 nonResourceAttributes:authorization.v1.NonResourceAttributes, 3 user:string, 4 groups:[]string, 5 extra:map<string,authorization.v1.ExtraValue>, 6 uid:string
authorization.v1.ExtraValue: 1 items:[]string
authorization.v1.LocalSubjectAccessReview: 1 metadata:m.ObjectMeta, 2 spec:authorization.v1.SubjectAccessReviewSpec, 3 status:authorization.v1.SubjectAccessReviewStatus
authorization.v1.SelfSubjectRulesReview: 1 metadata:m.ObjectMeta, 2 spec:authorization.v1.SelfSubjectRulesReviewSpec, 3 status:authorization.v1.SubjectRulesReviewStatus
authorization.v1.SelfSubjectRulesReviewSpec: 1 namespace:string
authorization.v1.SubjectRulesReviewStatus: 1 resourceRules:[]authorization.v1.ResourceRule, 2 nonResourceRules:[]authorization.v1.NonResourceRule, 3 incomplete:bool!, 4 evaluationError:string
authorization.v1.ResourceRule: 1 verbs:[]string, 2 apiGroups:[]string, 3 resources:[]string, 4 resourceNames:[]string
authorization.v1.NonResourceRule: 1 verbs:[]string, 2 nonResourceURLs:[]string
autoscaling.v1.Scale: 1 metadata:m.ObjectMeta, 2 spec:autoscaling.v1.ScaleSpec, 3 status:autoscaling.v1.ScaleStatus
autoscaling.v1.ScaleSpec: 1 replicas:int32
autoscaling.v1.ScaleStatus: 1 replicas:int32!, 2 selector:string
api.resource.Quantity: 1 string:string
`
