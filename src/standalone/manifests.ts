import { readFileSync } from 'node:fs'
import { packagePath } from '../base/package-root.ts'
import { KubeApiError, type KubeClient, type KubeObject, type ResourceType } from '../kube/index.ts'
import { RESOURCE_TYPES } from '../resources/types.ts'
import { parseDocuments } from '../resources/yaml.ts'

const MANAGER = 'sluice-standalone'

/** Applies a YAML file of the package by server-side apply, objects in the order of the file. */
export async function applyFile(
  kube: KubeClient,
  path: string,
  edit: (object: KubeObject) => KubeObject = (o) => o,
): Promise<void> {
  const file = packagePath(path)
  for (const document of parseDocuments(readFileSync(file, 'utf8'), file)) {
    const object = edit(document.object as KubeObject)
    const type = typeOf(object)
    if (type.namespaced) object.metadata.namespace ??= 'default'
    await kube.apply(type, object, MANAGER)
  }
}

const SAMPLES_MARK = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'sluice-samples', namespace: 'istio-system' },
}

/**
 * Applies the samples on the first start of a home only: what a user deletes or changes afterwards stays as the user left it.
 */
export async function applySamplesOnce(kube: KubeClient, paths: readonly string[]): Promise<boolean> {
  const type = typeOf(SAMPLES_MARK)
  const mark = await kube.get(type, SAMPLES_MARK.metadata.name, SAMPLES_MARK.metadata.namespace).catch((error) => {
    if (error instanceof KubeApiError && error.notFound) return undefined
    throw error
  })
  if (mark !== undefined) return false
  for (const path of paths) await applyFile(kube, path)
  await kube.create(type, { ...SAMPLES_MARK, data: { applied: paths.join(' ') } }, MANAGER)
  return true
}

function typeOf(object: KubeObject): ResourceType {
  const type = RESOURCE_TYPES.find(
    (one) =>
      one.kind === object.kind &&
      (one.group === '' ? one.version : `${one.group}/${one.version}`) === object.apiVersion,
  )
  if (type === undefined) throw new Error(`no ResourceType for ${object.apiVersion} ${object.kind}`)
  return type
}
