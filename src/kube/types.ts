export {
  type Condition,
  type KubeObject,
  keyOf,
  type ObjectMeta,
  type OwnerReference,
  type ResourceType,
} from '../resources/object.ts'
