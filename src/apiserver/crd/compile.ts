/** A CustomResourceDefinition object to the kind that is served. */

import type { CrdSpec, CrdVersion } from '../../resources/crd.ts'
import { ALL_VERBS, apiVersionOf, type Kind, type KindVersion } from '../kind.ts'
import type { ApiObject } from '../object.ts'
import { compareVersions } from '../registry.ts'
import { crdColumns } from '../table/columns.ts'
import { compileSchema } from './schema.ts'

export function compileCrd(crd: ApiObject): Kind {
  const spec = crd['spec'] as CrdSpec
  const { names, group } = spec
  const scaled = spec.versions.some((version) => version.subresources?.scale !== undefined)
  return {
    group,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    namespaced: spec.scope === 'Namespaced',
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    verbs: ALL_VERBS,
    versions: spec.versions
      .map((version) => compileVersion(spec, version))
      .sort((a, b) => compareVersions(a.version, b.version)),
    storageVersion: spec.versions.find((version) => version.storage)?.name ?? spec.versions[0].name,
    storage: `${names.plural}.${group}`,
    behaviour: {},
    subresources: scaled
      ? { scale: { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'patch', 'update'] } }
      : {},
    builtin: false,
  }
}

function compileVersion(spec: CrdSpec, version: CrdVersion): KindVersion {
  const scale = version.subresources?.scale
  return {
    version: version.name,
    served: version.served,
    schema: compileSchema(version.schema?.openAPIV3Schema ?? {}),
    columns: crdColumns(version.additionalPrinterColumns),
    status: version.subresources?.status !== undefined,
    scale:
      scale === undefined
        ? undefined
        : { spec: scale.specReplicasPath, status: scale.statusReplicasPath, selector: scale.labelSelectorPath },
    selectableFields: (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath.replace(/^\./, '')),
    deprecation:
      version.deprecated === true
        ? (version.deprecationWarning ?? `${apiVersionOf(spec.group, version.name)} ${spec.names.kind} is deprecated`)
        : undefined,
  }
}
