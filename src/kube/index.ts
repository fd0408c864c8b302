export { KubeApiError } from './api-error.ts'
export { KubeClient, type KubeList, type PatchType, pathOf, type WatchEvent } from './client.ts'
export { type Change, Informer } from './informer.ts'
export { type KubeConfig, loadKubeConfig, parseKubeConfig } from './kubeconfig.ts'
export {
  type Condition,
  type KubeObject,
  keyOf,
  type ObjectMeta,
  type OwnerReference,
  type ResourceType,
} from './types.ts'
