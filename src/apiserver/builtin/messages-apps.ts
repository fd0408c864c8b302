/** Messages of apps/v1. Syntax: see ./messages.ts. */
export const APPS = `
apps.v1.Deployment: 1 metadata:m.ObjectMeta, 2 spec:apps.v1.DeploymentSpec, 3 status:apps.v1.DeploymentStatus
apps.v1.DeploymentSpec: 1 replicas:int32*, 2 selector:m.LabelSelector, 3 template:PodTemplateSpec, 4 strategy:apps.v1.DeploymentStrategy, 5 minReadySeconds:int32, 6 revisionHistoryLimit:int32*, 7 paused:bool, 9 progressDeadlineSeconds:int32*
apps.v1.DeploymentStrategy: 1 type:string, 2 rollingUpdate:apps.v1.RollingUpdateDeployment
apps.v1.RollingUpdateDeployment: 1 maxUnavailable:util.intstr.IntOrString, 2 maxSurge:util.intstr.IntOrString
apps.v1.DeploymentStatus: 1 observedGeneration:int64, 2 replicas:int32, 3 updatedReplicas:int32, 7 readyReplicas:int32, 4 availableReplicas:int32, 5 unavailableReplicas:int32, 9 terminatingReplicas:int32*, 6 conditions:[]apps.v1.DeploymentCondition, 8 collisionCount:int32*
apps.v1.DeploymentCondition: 1 type:string!, 2 status:string!, 6 lastUpdateTime:m.Time, 7 lastTransitionTime:m.Time, 4 reason:string, 5 message:string
apps.v1.ReplicaSet: 1 metadata:m.ObjectMeta, 2 spec:apps.v1.ReplicaSetSpec, 3 status:apps.v1.ReplicaSetStatus
apps.v1.ReplicaSetSpec: 1 replicas:int32*, 4 minReadySeconds:int32, 2 selector:m.LabelSelector, 3 template:PodTemplateSpec
apps.v1.ReplicaSetStatus: 1 replicas:int32!, 2 fullyLabeledReplicas:int32, 4 readyReplicas:int32, 5 availableReplicas:int32, 3 observedGeneration:int64, 6 conditions:[]apps.v1.ReplicaSetCondition
apps.v1.ReplicaSetCondition: 1 type:string!, 2 status:string!, 3 lastTransitionTime:m.Time, 4 reason:string, 5 message:string
`
