/** Messages of core/v1 except Pod. Syntax: see ./messages.ts. */
export const CORE = `
core.v1.ConfigMap: 1 metadata:m.ObjectMeta, 4 immutable:bool*, 2 data:map<string,string>, 3 binaryData:map<string,bytes>
core.v1.Secret: 1 metadata:m.ObjectMeta, 5 immutable:bool*, 2 data:map<string,bytes>, 4 stringData:map<string,string>, 3 type:string
core.v1.Namespace: 1 metadata:m.ObjectMeta, 2 spec:NamespaceSpec, 3 status:NamespaceStatus
core.v1.NamespaceSpec: 1 finalizers:[]string
core.v1.NamespaceStatus: 1 phase:string, 2 conditions:[]NamespaceCondition
core.v1.NamespaceCondition: 1 type:string!, 2 status:string!, 4 lastTransitionTime:m.Time, 5 reason:string, 6 message:string
core.v1.ServiceAccount: 1 metadata:m.ObjectMeta, 2 secrets:[]ObjectReference, 3 imagePullSecrets:[]LocalObjectReference, 4 automountServiceAccountToken:bool*
core.v1.ObjectReference: 1 kind:string, 2 namespace:string, 3 name:string, 4 uid:string, 5 apiVersion:string, 6 resourceVersion:string, 7 fieldPath:string
core.v1.LocalObjectReference: 1 name:string
core.v1.Service: 1 metadata:m.ObjectMeta, 2 spec:ServiceSpec, 3 status:ServiceStatus
core.v1.ServiceSpec: 1 ports:[]ServicePort, 2 selector:map<string,string>, 3 clusterIP:string, 18 clusterIPs:[]string, 4 type:string, 5 externalIPs:[]string, 7 sessionAffinity:string, 8 loadBalancerIP:string, 9 loadBalancerSourceRanges:[]string, 10 externalName:string, 11 externalTrafficPolicy:string, 12 healthCheckNodePort:int32, 13 publishNotReadyAddresses:bool, 14 sessionAffinityConfig:SessionAffinityConfig, 19 ipFamilies:[]string, 17 ipFamilyPolicy:string*, 20 allocateLoadBalancerNodePorts:bool*, 21 loadBalancerClass:string*, 22 internalTrafficPolicy:string*, 23 trafficDistribution:string*
core.v1.ServicePort: 1 name:string, 2 protocol:string, 6 appProtocol:string*, 3 port:int32!, 4 targetPort:util.intstr.IntOrString, 5 nodePort:int32
core.v1.SessionAffinityConfig: 1 clientIP:ClientIPConfig
core.v1.ClientIPConfig: 1 timeoutSeconds:int32*
core.v1.ServiceStatus: 1 loadBalancer:LoadBalancerStatus, 2 conditions:[]m.Condition
core.v1.LoadBalancerStatus: 1 ingress:[]LoadBalancerIngress
core.v1.LoadBalancerIngress: 1 ip:string, 2 hostname:string, 3 ipMode:string*, 4 ports:[]PortStatus
core.v1.PortStatus: 1 port:int32!, 2 protocol:string!, 3 error:string*
core.v1.Endpoints: 1 metadata:m.ObjectMeta, 2 subsets:[]EndpointSubset
core.v1.EndpointSubset: 1 addresses:[]EndpointAddress, 2 notReadyAddresses:[]EndpointAddress, 3 ports:[]EndpointPort
core.v1.EndpointAddress: 1 ip:string!, 3 hostname:string, 4 nodeName:string*, 2 targetRef:ObjectReference
core.v1.EndpointPort: 1 name:string, 2 port:int32!, 3 protocol:string, 4 appProtocol:string*
core.v1.Event: 1 metadata:m.ObjectMeta, 2 involvedObject:ObjectReference, 3 reason:string, 4 message:string, 5 source:EventSource, 6 firstTimestamp:m.Time, 7 lastTimestamp:m.Time, 8 count:int32, 9 type:string, 10 eventTime:m.MicroTime, 11 series:EventSeries, 12 action:string, 13 related:ObjectReference, 14 reportingComponent:string!, 15 reportingInstance:string!
core.v1.EventSource: 1 component:string, 2 host:string
core.v1.EventSeries: 1 count:int32, 2 lastObservedTime:m.MicroTime
`
