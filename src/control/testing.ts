/** Helpers of this room's tests. */
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from '../kube/index.ts'
import type { Extension } from './model/extension.ts'
import { readTrafficExtension, readWasmPlugin } from './model/read-extension.ts'
import type { Labels, Workload, WorkloadType } from './model/workload.ts'

/** The objects of a YAML text; namespace `default` where a namespaced object names none. */
export function objectsOf(yaml: string): KubeObject[] {
  const objects = parseAllDocuments(yaml).map((document) => document.toJS() as KubeObject)
  for (const object of objects) {
    if (object.kind !== 'Namespace' && object.kind !== 'GatewayClass') object.metadata.namespace ??= 'default'
  }
  return objects
}

export function workload(
  options: { type?: WorkloadType; namespace?: string; labels?: Labels; name?: string } = {},
): Workload {
  const { type = 'router', namespace = 'istio-system', labels = {}, name = 'proxy' } = options
  const nodeId = `${type}~10.0.0.1~${name}.${namespace}~${namespace}.svc.cluster.local`
  return {
    nodeId,
    type,
    ip: '10.0.0.1',
    podName: name,
    namespace,
    labels,
    version: '1.30.0',
    metadata: {},
    mayHaveSecrets: true,
  }
}

interface Meta {
  name?: string
  namespace?: string
  createdAt?: string
}

function objectOf(kind: string, spec: object, { name = 'plugin', namespace = 'default', createdAt }: Meta): KubeObject {
  return {
    apiVersion: 'extensions.istio.io/v1alpha1',
    kind,
    metadata: { name, namespace, resourceVersion: '7', creationTimestamp: createdAt },
    spec,
  }
}

/** A TrafficExtension; with neither wasm nor lua in the spec, a Wasm one. */
export function extension(spec: Record<string, unknown>, meta: Meta = {}): Extension {
  const code = 'wasm' in spec || 'lua' in spec ? {} : { wasm: { url: 'oci://example.com/module' } }
  return readTrafficExtension(objectOf('TrafficExtension', { ...spec, ...code }, meta))
}

export function wasmPlugin(spec: Record<string, unknown>, meta: Meta = {}): Extension {
  return readWasmPlugin(objectOf('WasmPlugin', spec, meta))
}
