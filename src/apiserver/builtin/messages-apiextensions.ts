/**
 * CustomResourceDefinition. Syntax: see ./messages.ts. Field number 0: not readable from protobuf, because JSONSchemaProps
 * is left open here; nobody writes CRDs in protobuf but code generated for it, and that is refused with 415.
 */
export const APIEXTENSIONS = `
apiextensions.v1.CustomResourceDefinition: 0 metadata:m.ObjectMeta, 0 spec:apiextensions.v1.Spec, 0 status:apiextensions.v1.Status
apiextensions.v1.Spec: 0 group:string!, 0 names:apiextensions.v1.Names, 0 scope:string!, 0 versions:[]apiextensions.v1.Version, 0 conversion:apiextensions.v1.Conversion, 0 preserveUnknownFields:bool
apiextensions.v1.Names: 0 plural:string!, 0 singular:string, 0 shortNames:[]string, 0 kind:string!, 0 listKind:string, 0 categories:[]string
apiextensions.v1.Version: 0 name:string!, 0 served:bool!, 0 storage:bool!, 0 deprecated:bool, 0 deprecationWarning:string*, 0 schema:apiextensions.v1.Validation, 0 subresources:apiextensions.v1.Subresources, 0 additionalPrinterColumns:[]apiextensions.v1.Column, 0 selectableFields:[]apiextensions.v1.SelectableField
apiextensions.v1.Validation: 0 openAPIV3Schema:json
apiextensions.v1.Subresources: 0 status:json, 0 scale:apiextensions.v1.Scale
apiextensions.v1.Scale: 0 specReplicasPath:string!, 0 statusReplicasPath:string!, 0 labelSelectorPath:string*
apiextensions.v1.Column: 0 name:string!, 0 type:string!, 0 format:string, 0 description:string, 0 priority:int32, 0 jsonPath:string!
apiextensions.v1.SelectableField: 0 jsonPath:string!
apiextensions.v1.Conversion: 0 strategy:string!, 0 webhook:json
apiextensions.v1.Status: 0 conditions:[]apiextensions.v1.Condition, 0 acceptedNames:apiextensions.v1.Names, 0 storedVersions:[]string
apiextensions.v1.Condition: 0 type:string!, 0 status:string!, 0 lastTransitionTime:m.Time, 0 reason:string, 0 message:string
`
