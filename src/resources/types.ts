import type { ResourceType } from './object.ts'

function type(group: string, version: string, plural: string, kind: string, namespaced = true): ResourceType {
  return { group, version, plural, kind, namespaced }
}

export const NAMESPACES = type('', 'v1', 'namespaces', 'Namespace', false)
export const PODS = type('', 'v1', 'pods', 'Pod')
export const SERVICES = type('', 'v1', 'services', 'Service')
export const SERVICE_ACCOUNTS = type('', 'v1', 'serviceaccounts', 'ServiceAccount')
export const SECRETS = type('', 'v1', 'secrets', 'Secret')
export const CONFIG_MAPS = type('', 'v1', 'configmaps', 'ConfigMap')
export const EVENTS = type('', 'v1', 'events', 'Event')
export const DEPLOYMENTS = type('apps', 'v1', 'deployments', 'Deployment')
export const ENDPOINT_SLICES = type('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice')
export const CUSTOM_RESOURCE_DEFINITIONS = type(
  'apiextensions.k8s.io',
  'v1',
  'customresourcedefinitions',
  'CustomResourceDefinition',
  false,
)
export const TRAFFIC_EXTENSIONS = type('extensions.istio.io', 'v1alpha1', 'trafficextensions', 'TrafficExtension')
export const WASM_PLUGINS = type('extensions.istio.io', 'v1alpha1', 'wasmplugins', 'WasmPlugin')
export const SIGNATURE_POLICIES = type('extensions.sluice.dev', 'v1alpha1', 'signaturepolicies', 'SignaturePolicy')
export const ISTIO_GATEWAYS = type('networking.istio.io', 'v1', 'gateways', 'Gateway')
export const VIRTUAL_SERVICES = type('networking.istio.io', 'v1', 'virtualservices', 'VirtualService')
export const DESTINATION_RULES = type('networking.istio.io', 'v1', 'destinationrules', 'DestinationRule')
export const SERVICE_ENTRIES = type('networking.istio.io', 'v1', 'serviceentries', 'ServiceEntry')
export const ENVOY_FILTERS = type('networking.istio.io', 'v1alpha3', 'envoyfilters', 'EnvoyFilter')
export const GATEWAY_CLASSES = type('gateway.networking.k8s.io', 'v1', 'gatewayclasses', 'GatewayClass', false)
export const GATEWAYS = type('gateway.networking.k8s.io', 'v1', 'gateways', 'Gateway')
export const HTTP_ROUTES = type('gateway.networking.k8s.io', 'v1', 'httproutes', 'HTTPRoute')
export const REFERENCE_GRANTS = type('gateway.networking.k8s.io', 'v1beta1', 'referencegrants', 'ReferenceGrant')

/** Every kind that Sluice itself reads or writes. */
export const RESOURCE_TYPES: readonly ResourceType[] = [
  NAMESPACES,
  PODS,
  SERVICES,
  SERVICE_ACCOUNTS,
  SECRETS,
  CONFIG_MAPS,
  EVENTS,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  CUSTOM_RESOURCE_DEFINITIONS,
  TRAFFIC_EXTENSIONS,
  WASM_PLUGINS,
  SIGNATURE_POLICIES,
  ISTIO_GATEWAYS,
  VIRTUAL_SERVICES,
  DESTINATION_RULES,
  SERVICE_ENTRIES,
  ENVOY_FILTERS,
  GATEWAY_CLASSES,
  GATEWAYS,
  HTTP_ROUTES,
  REFERENCE_GRANTS,
]
