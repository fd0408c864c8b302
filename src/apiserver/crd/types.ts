import type { Schema } from '../kind.ts'
import type { PrinterColumn } from '../table/columns.ts'

/** `spec` of a CustomResourceDefinition, after validation. */
export interface CrdSpec {
  group: string
  scope: 'Namespaced' | 'Cluster'
  names: {
    plural: string
    singular?: string
    kind: string
    listKind?: string
    shortNames?: string[]
    categories?: string[]
  }
  versions: CrdVersion[]
  conversion?: { strategy: string }
  preserveUnknownFields?: boolean
}

export interface CrdVersion {
  name: string
  served: boolean
  storage: boolean
  deprecated?: boolean
  deprecationWarning?: string
  schema?: { openAPIV3Schema?: Schema }
  subresources?: {
    status?: object
    scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string }
  }
  additionalPrinterColumns?: PrinterColumn[]
  selectableFields?: { jsonPath: string }[]
}
