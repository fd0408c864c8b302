/** Pod and everything in it. Syntax: see ./messages.ts. */
export const POD = `
core.v1.PodTemplateSpec: 1 metadata:m.ObjectMeta, 2 spec:PodSpec
core.v1.PodSpec: 1 volumes:[]Volume, 20 initContainers:[]Container, 2 containers:[]Container, 34 ephemeralContainers:[]EphemeralContainer, 3 restartPolicy:string, 4 terminationGracePeriodSeconds:int64*, 5 activeDeadlineSeconds:int64*, 6 dnsPolicy:string, 7 nodeSelector:map<string,string>, 8 serviceAccountName:string, 9 serviceAccount:string, 21 automountServiceAccountToken:bool*, 10 nodeName:string, 11 hostNetwork:bool, 12 hostPID:bool, 13 hostIPC:bool, 27 shareProcessNamespace:bool*, 14 securityContext:PodSecurityContext, 15 imagePullSecrets:[]LocalObjectReference, 16 hostname:string, 17 subdomain:string, 18 affinity:Affinity, 19 schedulerName:string, 22 tolerations:[]Toleration, 23 hostAliases:[]HostAlias, 24 priorityClassName:string, 25 priority:int32*, 26 dnsConfig:PodDNSConfig, 28 readinessGates:[]PodReadinessGate, 29 runtimeClassName:string*, 30 enableServiceLinks:bool*, 31 preemptionPolicy:string*, 32 overhead:map<string,api.resource.Quantity>, 33 topologySpreadConstraints:[]TopologySpreadConstraint, 35 setHostnameAsFQDN:bool*, 36 os:PodOS, 37 hostUsers:bool*, 38 schedulingGates:[]PodSchedulingGate, 39 resourceClaims:[]PodResourceClaim, 40 resources:ResourceRequirements, 41 hostnameOverride:string*, 42 workloadRef:WorkloadReference
core.v1.Volume: 1 name:string!, 2 volumeSource:VolumeSource (inlined)
core.v1.VolumeSource: 1 hostPath:HostPathVolumeSource, 2 emptyDir:EmptyDirVolumeSource, 3 gcePersistentDisk:GCEPersistentDiskVolumeSource, 4 awsElasticBlockStore:AWSElasticBlockStoreVolumeSource, 5 gitRepo:GitRepoVolumeSource, 6 secret:SecretVolumeSource, 7 nfs:NFSVolumeSource, 8 iscsi:ISCSIVolumeSource, 9 glusterfs:GlusterfsVolumeSource, 10 persistentVolumeClaim:PersistentVolumeClaimVolumeSource, 11 rbd:RBDVolumeSource, 12 flexVolume:FlexVolumeSource, 13 cinder:CinderVolumeSource, 14 cephfs:CephFSVolumeSource, 15 flocker:FlockerVolumeSource, 16 downwardAPI:DownwardAPIVolumeSource, 17 fc:FCVolumeSource, 18 azureFile:AzureFileVolumeSource, 19 configMap:ConfigMapVolumeSource, 20 vsphereVolume:VsphereVirtualDiskVolumeSource, 21 quobyte:QuobyteVolumeSource, 22 azureDisk:AzureDiskVolumeSource, 23 photonPersistentDisk:PhotonPersistentDiskVolumeSource, 26 projected:ProjectedVolumeSource, 24 portworxVolume:PortworxVolumeSource, 25 scaleIO:ScaleIOVolumeSource, 27 storageos:StorageOSVolumeSource, 28 csi:CSIVolumeSource, 29 ephemeral:EphemeralVolumeSource, 30 image:ImageVolumeSource
core.v1.HostPathVolumeSource: 1 path:string!, 2 type:string*
core.v1.EmptyDirVolumeSource: 1 medium:string, 2 sizeLimit:api.resource.Quantity
core.v1.GCEPersistentDiskVolumeSource: 1 pdName:string!, 2 fsType:string, 3 partition:int32, 4 readOnly:bool
core.v1.AWSElasticBlockStoreVolumeSource: 1 volumeID:string!, 2 fsType:string, 3 partition:int32, 4 readOnly:bool
core.v1.GitRepoVolumeSource: 1 repository:string!, 2 revision:string, 3 directory:string
core.v1.SecretVolumeSource: 1 secretName:string, 2 items:[]KeyToPath, 3 defaultMode:int32*, 4 optional:bool*
core.v1.KeyToPath: 1 key:string!, 2 path:string!, 3 mode:int32*
core.v1.NFSVolumeSource: 1 server:string!, 2 path:string!, 3 readOnly:bool
core.v1.ISCSIVolumeSource: 1 targetPortal:string!, 2 iqn:string!, 3 lun:int32!, 4 iscsiInterface:string, 5 fsType:string, 6 readOnly:bool, 7 portals:[]string, 8 chapAuthDiscovery:bool, 11 chapAuthSession:bool, 10 secretRef:LocalObjectReference, 12 initiatorName:string*
core.v1.GlusterfsVolumeSource: 1 endpoints:string!, 2 path:string!, 3 readOnly:bool
core.v1.PersistentVolumeClaimVolumeSource: 1 claimName:string!, 2 readOnly:bool
core.v1.RBDVolumeSource: 1 monitors:[]string, 2 image:string!, 3 fsType:string, 4 pool:string, 5 user:string, 6 keyring:string, 7 secretRef:LocalObjectReference, 8 readOnly:bool
core.v1.FlexVolumeSource: 1 driver:string!, 2 fsType:string, 3 secretRef:LocalObjectReference, 4 readOnly:bool, 5 options:map<string,string>
core.v1.CinderVolumeSource: 1 volumeID:string!, 2 fsType:string, 3 readOnly:bool, 4 secretRef:LocalObjectReference
core.v1.CephFSVolumeSource: 1 monitors:[]string, 2 path:string, 3 user:string, 4 secretFile:string, 5 secretRef:LocalObjectReference, 6 readOnly:bool
core.v1.FlockerVolumeSource: 1 datasetName:string, 2 datasetUUID:string
core.v1.DownwardAPIVolumeSource: 1 items:[]DownwardAPIVolumeFile, 2 defaultMode:int32*
core.v1.DownwardAPIVolumeFile: 1 path:string!, 2 fieldRef:ObjectFieldSelector, 3 resourceFieldRef:ResourceFieldSelector, 4 mode:int32*
core.v1.ObjectFieldSelector: 1 apiVersion:string, 2 fieldPath:string!
core.v1.ResourceFieldSelector: 1 containerName:string, 2 resource:string!, 3 divisor:api.resource.Quantity
core.v1.FCVolumeSource: 1 targetWWNs:[]string, 2 lun:int32*, 3 fsType:string, 4 readOnly:bool, 5 wwids:[]string
core.v1.AzureFileVolumeSource: 1 secretName:string!, 2 shareName:string!, 3 readOnly:bool
core.v1.ConfigMapVolumeSource: 1 localObjectReference:LocalObjectReference (inlined), 2 items:[]KeyToPath, 3 defaultMode:int32*, 4 optional:bool*
core.v1.VsphereVirtualDiskVolumeSource: 1 volumePath:string!, 2 fsType:string, 3 storagePolicyName:string, 4 storagePolicyID:string
core.v1.QuobyteVolumeSource: 1 registry:string!, 2 volume:string!, 3 readOnly:bool, 4 user:string, 5 group:string, 6 tenant:string
core.v1.AzureDiskVolumeSource: 1 diskName:string!, 2 diskURI:string!, 3 cachingMode:string*, 4 fsType:string*, 5 readOnly:bool*, 6 kind:string*
core.v1.PhotonPersistentDiskVolumeSource: 1 pdID:string!, 2 fsType:string
core.v1.ProjectedVolumeSource: 1 sources:[]VolumeProjection, 2 defaultMode:int32*
core.v1.VolumeProjection: 1 secret:SecretProjection, 2 downwardAPI:DownwardAPIProjection, 3 configMap:ConfigMapProjection, 4 serviceAccountToken:ServiceAccountTokenProjection, 5 clusterTrustBundle:ClusterTrustBundleProjection, 6 podCertificate:PodCertificateProjection
core.v1.SecretProjection: 1 localObjectReference:LocalObjectReference (inlined), 2 items:[]KeyToPath, 4 optional:bool*
core.v1.DownwardAPIProjection: 1 items:[]DownwardAPIVolumeFile
core.v1.ConfigMapProjection: 1 localObjectReference:LocalObjectReference (inlined), 2 items:[]KeyToPath, 4 optional:bool*
core.v1.ServiceAccountTokenProjection: 1 audience:string, 2 expirationSeconds:int64*, 3 path:string!
core.v1.ClusterTrustBundleProjection: 1 name:string*, 2 signerName:string*, 3 labelSelector:m.LabelSelector, 5 optional:bool*, 4 path:string!
core.v1.PodCertificateProjection: 1 signerName:string, 2 keyType:string, 3 maxExpirationSeconds:int32*, 4 credentialBundlePath:string, 5 keyPath:string, 6 certificateChainPath:string, 7 userAnnotations:map<string,string>
core.v1.PortworxVolumeSource: 1 volumeID:string!, 2 fsType:string, 3 readOnly:bool
core.v1.ScaleIOVolumeSource: 1 gateway:string!, 2 system:string!, 3 secretRef:LocalObjectReference, 4 sslEnabled:bool, 5 protectionDomain:string, 6 storagePool:string, 7 storageMode:string, 8 volumeName:string, 9 fsType:string, 10 readOnly:bool
core.v1.StorageOSVolumeSource: 1 volumeName:string, 2 volumeNamespace:string, 3 fsType:string, 4 readOnly:bool, 5 secretRef:LocalObjectReference
core.v1.CSIVolumeSource: 1 driver:string!, 2 readOnly:bool*, 3 fsType:string*, 4 volumeAttributes:map<string,string>, 5 nodePublishSecretRef:LocalObjectReference
core.v1.EphemeralVolumeSource: 1 volumeClaimTemplate:PersistentVolumeClaimTemplate
core.v1.PersistentVolumeClaimTemplate: 1 metadata:m.ObjectMeta, 2 spec:PersistentVolumeClaimSpec
core.v1.PersistentVolumeClaimSpec: 1 accessModes:[]string, 4 selector:m.LabelSelector, 2 resources:VolumeResourceRequirements, 3 volumeName:string, 5 storageClassName:string*, 6 volumeMode:string*, 7 dataSource:TypedLocalObjectReference, 8 dataSourceRef:TypedObjectReference, 9 volumeAttributesClassName:string*
core.v1.VolumeResourceRequirements: 1 limits:map<string,api.resource.Quantity>, 2 requests:map<string,api.resource.Quantity>
core.v1.TypedLocalObjectReference: 1 apiGroup:string*, 2 kind:string!, 3 name:string!
core.v1.TypedObjectReference: 1 apiGroup:string*, 2 kind:string!, 3 name:string!, 4 namespace:string*
core.v1.ImageVolumeSource: 1 reference:string, 2 pullPolicy:string
core.v1.Container: 1 name:string!, 2 image:string, 3 command:[]string, 4 args:[]string, 5 workingDir:string, 6 ports:[]ContainerPort, 19 envFrom:[]EnvFromSource, 7 env:[]EnvVar, 8 resources:ResourceRequirements, 23 resizePolicy:[]ContainerResizePolicy, 24 restartPolicy:string*, 25 restartPolicyRules:[]ContainerRestartRule, 9 volumeMounts:[]VolumeMount, 21 volumeDevices:[]VolumeDevice, 10 livenessProbe:Probe, 11 readinessProbe:Probe, 22 startupProbe:Probe, 12 lifecycle:Lifecycle, 13 terminationMessagePath:string, 20 terminationMessagePolicy:string, 14 imagePullPolicy:string, 15 securityContext:SecurityContext, 16 stdin:bool, 17 stdinOnce:bool, 18 tty:bool
core.v1.ContainerPort: 1 name:string, 2 hostPort:int32, 3 containerPort:int32!, 4 protocol:string, 5 hostIP:string
core.v1.EnvFromSource: 1 prefix:string, 2 configMapRef:ConfigMapEnvSource, 3 secretRef:SecretEnvSource
core.v1.ConfigMapEnvSource: 1 localObjectReference:LocalObjectReference (inlined), 2 optional:bool*
core.v1.SecretEnvSource: 1 localObjectReference:LocalObjectReference (inlined), 2 optional:bool*
core.v1.EnvVar: 1 name:string!, 2 value:string, 3 valueFrom:EnvVarSource
core.v1.EnvVarSource: 1 fieldRef:ObjectFieldSelector, 2 resourceFieldRef:ResourceFieldSelector, 3 configMapKeyRef:ConfigMapKeySelector, 4 secretKeyRef:SecretKeySelector, 5 fileKeyRef:FileKeySelector
core.v1.ConfigMapKeySelector: 1 localObjectReference:LocalObjectReference (inlined), 2 key:string!, 3 optional:bool*
core.v1.SecretKeySelector: 1 localObjectReference:LocalObjectReference (inlined), 2 key:string!, 3 optional:bool*
core.v1.FileKeySelector: 1 volumeName:string!, 2 path:string!, 3 key:string!, 4 optional:bool*
core.v1.ResourceRequirements: 1 limits:map<string,api.resource.Quantity>, 2 requests:map<string,api.resource.Quantity>, 3 claims:[]ResourceClaim
core.v1.ResourceClaim: 1 name:string!, 2 request:string
core.v1.ContainerResizePolicy: 1 resourceName:string!, 2 restartPolicy:string!
core.v1.ContainerRestartRule: 1 action:string, 2 exitCodes:ContainerRestartRuleOnExitCodes
core.v1.ContainerRestartRuleOnExitCodes: 1 operator:string, 2 values:[]int32
core.v1.VolumeMount: 1 name:string!, 2 readOnly:bool, 7 recursiveReadOnly:string*, 3 mountPath:string!, 4 subPath:string, 5 mountPropagation:string*, 6 subPathExpr:string
core.v1.VolumeDevice: 1 name:string!, 2 devicePath:string!
core.v1.Probe: 1 handler:ProbeHandler (inlined), 2 initialDelaySeconds:int32, 3 timeoutSeconds:int32, 4 periodSeconds:int32, 5 successThreshold:int32, 6 failureThreshold:int32, 7 terminationGracePeriodSeconds:int64*
core.v1.ProbeHandler: 1 exec:ExecAction, 2 httpGet:HTTPGetAction, 3 tcpSocket:TCPSocketAction, 4 grpc:GRPCAction
core.v1.ExecAction: 1 command:[]string
core.v1.HTTPGetAction: 1 path:string, 2 port:util.intstr.IntOrString, 3 host:string, 4 scheme:string, 5 httpHeaders:[]HTTPHeader
core.v1.HTTPHeader: 1 name:string!, 2 value:string!
core.v1.TCPSocketAction: 1 port:util.intstr.IntOrString, 2 host:string
core.v1.GRPCAction: 1 port:int32!, 2 service:string*
core.v1.Lifecycle: 1 postStart:LifecycleHandler, 2 preStop:LifecycleHandler, 3 stopSignal:string*
core.v1.LifecycleHandler: 1 exec:ExecAction, 2 httpGet:HTTPGetAction, 3 tcpSocket:TCPSocketAction, 4 sleep:SleepAction
core.v1.SleepAction: 1 seconds:int64!
core.v1.SecurityContext: 1 capabilities:Capabilities, 2 privileged:bool*, 3 seLinuxOptions:SELinuxOptions, 10 windowsOptions:WindowsSecurityContextOptions, 4 runAsUser:int64*, 8 runAsGroup:int64*, 5 runAsNonRoot:bool*, 6 readOnlyRootFilesystem:bool*, 7 allowPrivilegeEscalation:bool*, 9 procMount:string*, 11 seccompProfile:SeccompProfile, 12 appArmorProfile:AppArmorProfile
core.v1.Capabilities: 1 add:[]string, 2 drop:[]string
core.v1.SELinuxOptions: 1 user:string, 2 role:string, 3 type:string, 4 level:string
core.v1.WindowsSecurityContextOptions: 1 gmsaCredentialSpecName:string*, 2 gmsaCredentialSpec:string*, 3 runAsUserName:string*, 4 hostProcess:bool*
core.v1.SeccompProfile: 1 type:string!, 2 localhostProfile:string*
core.v1.AppArmorProfile: 1 type:string!, 2 localhostProfile:string*
core.v1.EphemeralContainer: 1 ephemeralContainerCommon:EphemeralContainerCommon, 2 targetContainerName:string
core.v1.EphemeralContainerCommon: 1 name:string!, 2 image:string, 3 command:[]string, 4 args:[]string, 5 workingDir:string, 6 ports:[]ContainerPort, 19 envFrom:[]EnvFromSource, 7 env:[]EnvVar, 8 resources:ResourceRequirements, 23 resizePolicy:[]ContainerResizePolicy, 24 restartPolicy:string*, 25 restartPolicyRules:[]ContainerRestartRule, 9 volumeMounts:[]VolumeMount, 21 volumeDevices:[]VolumeDevice, 10 livenessProbe:Probe, 11 readinessProbe:Probe, 22 startupProbe:Probe, 12 lifecycle:Lifecycle, 13 terminationMessagePath:string, 20 terminationMessagePolicy:string, 14 imagePullPolicy:string, 15 securityContext:SecurityContext, 16 stdin:bool, 17 stdinOnce:bool, 18 tty:bool
core.v1.PodSecurityContext: 1 seLinuxOptions:SELinuxOptions, 8 windowsOptions:WindowsSecurityContextOptions, 2 runAsUser:int64*, 6 runAsGroup:int64*, 3 runAsNonRoot:bool*, 4 supplementalGroups:[]int64, 12 supplementalGroupsPolicy:string*, 5 fsGroup:int64*, 7 sysctls:[]Sysctl, 9 fsGroupChangePolicy:string*, 10 seccompProfile:SeccompProfile, 11 appArmorProfile:AppArmorProfile, 13 seLinuxChangePolicy:string*
core.v1.Sysctl: 1 name:string!, 2 value:string!
core.v1.Affinity: 1 nodeAffinity:NodeAffinity, 2 podAffinity:PodAffinity, 3 podAntiAffinity:PodAntiAffinity
core.v1.NodeAffinity: 1 requiredDuringSchedulingIgnoredDuringExecution:NodeSelector, 2 preferredDuringSchedulingIgnoredDuringExecution:[]PreferredSchedulingTerm
core.v1.NodeSelector: 1 nodeSelectorTerms:[]NodeSelectorTerm
core.v1.NodeSelectorTerm: 1 matchExpressions:[]NodeSelectorRequirement, 2 matchFields:[]NodeSelectorRequirement
core.v1.NodeSelectorRequirement: 1 key:string!, 2 operator:string!, 3 values:[]string
core.v1.PreferredSchedulingTerm: 1 weight:int32!, 2 preference:NodeSelectorTerm
core.v1.PodAffinity: 1 requiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm, 2 preferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm
core.v1.PodAffinityTerm: 1 labelSelector:m.LabelSelector, 2 namespaces:[]string, 3 topologyKey:string!, 4 namespaceSelector:m.LabelSelector, 5 matchLabelKeys:[]string, 6 mismatchLabelKeys:[]string
core.v1.WeightedPodAffinityTerm: 1 weight:int32!, 2 podAffinityTerm:PodAffinityTerm
core.v1.PodAntiAffinity: 1 requiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm, 2 preferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm
core.v1.Toleration: 1 key:string, 2 operator:string, 3 value:string, 4 effect:string, 5 tolerationSeconds:int64*
core.v1.HostAlias: 1 ip:string!, 2 hostnames:[]string
core.v1.PodDNSConfig: 1 nameservers:[]string, 2 searches:[]string, 3 options:[]PodDNSConfigOption
core.v1.PodDNSConfigOption: 1 name:string, 2 value:string*
core.v1.PodReadinessGate: 1 conditionType:string!
core.v1.TopologySpreadConstraint: 1 maxSkew:int32!, 2 topologyKey:string!, 3 whenUnsatisfiable:string!, 4 labelSelector:m.LabelSelector, 5 minDomains:int32*, 6 nodeAffinityPolicy:string*, 7 nodeTaintsPolicy:string*, 8 matchLabelKeys:[]string
core.v1.PodOS: 1 name:string!
core.v1.PodSchedulingGate: 1 name:string!
core.v1.PodResourceClaim: 1 name:string!, 3 resourceClaimName:string*, 4 resourceClaimTemplateName:string*
core.v1.WorkloadReference: 1 name:string!, 2 podGroup:string!, 3 podGroupReplicaKey:string
core.v1.Pod: 1 metadata:m.ObjectMeta, 2 spec:PodSpec, 3 status:PodStatus
core.v1.PodStatus: 17 observedGeneration:int64, 1 phase:string, 2 conditions:[]PodCondition, 3 message:string, 4 reason:string, 11 nominatedNodeName:string, 5 hostIP:string, 16 hostIPs:[]HostIP, 6 podIP:string, 12 podIPs:[]PodIP, 7 startTime:m.Time, 10 initContainerStatuses:[]ContainerStatus, 8 containerStatuses:[]ContainerStatus, 9 qosClass:string, 13 ephemeralContainerStatuses:[]ContainerStatus, 14 resize:string, 15 resourceClaimStatuses:[]PodResourceClaimStatus, 18 extendedResourceClaimStatus:PodExtendedResourceClaimStatus, 19 allocatedResources:map<string,api.resource.Quantity>, 20 resources:ResourceRequirements
core.v1.PodCondition: 1 type:string!, 7 observedGeneration:int64, 2 status:string!, 3 lastProbeTime:m.Time, 4 lastTransitionTime:m.Time, 5 reason:string, 6 message:string
core.v1.HostIP: 1 ip:string!
core.v1.PodIP: 1 ip:string!
core.v1.ContainerStatus: 1 name:string!, 2 state:ContainerState, 3 lastState:ContainerState, 4 ready:bool!, 5 restartCount:int32!, 6 image:string!, 7 imageID:string!, 8 containerID:string, 9 started:bool*, 10 allocatedResources:map<string,api.resource.Quantity>, 11 resources:ResourceRequirements, 12 volumeMounts:[]VolumeMountStatus, 13 user:ContainerUser, 14 allocatedResourcesStatus:[]ResourceStatus, 15 stopSignal:string*
core.v1.ContainerState: 1 waiting:ContainerStateWaiting, 2 running:ContainerStateRunning, 3 terminated:ContainerStateTerminated
core.v1.ContainerStateWaiting: 1 reason:string, 2 message:string
core.v1.ContainerStateRunning: 1 startedAt:m.Time
core.v1.ContainerStateTerminated: 1 exitCode:int32!, 2 signal:int32, 3 reason:string, 4 message:string, 5 startedAt:m.Time, 6 finishedAt:m.Time, 7 containerID:string
core.v1.VolumeMountStatus: 1 name:string!, 2 mountPath:string!, 3 readOnly:bool, 4 recursiveReadOnly:string*
core.v1.ContainerUser: 1 linux:LinuxContainerUser
core.v1.LinuxContainerUser: 1 uid:int64!, 2 gid:int64!, 3 supplementalGroups:[]int64
core.v1.ResourceStatus: 1 name:string!, 2 resources:[]ResourceHealth
core.v1.ResourceHealth: 1 resourceID:string!, 2 health:string
core.v1.PodResourceClaimStatus: 1 name:string!, 2 resourceClaimName:string*
core.v1.PodExtendedResourceClaimStatus: 1 requestMappings:[]ContainerExtendedResourceRequest, 2 resourceClaimName:string!
core.v1.ContainerExtendedResourceRequest: 1 containerName:string!, 2 resourceName:string!, 3 requestName:string!
`
