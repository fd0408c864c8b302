import type { ResourceType } from '../kube/index.ts'

function kind(group: string, version: string, plural: string, kind: string, namespaced = true): ResourceType {
  return { group, version, plural, kind, namespaced }
}

/** What the control plane watches. */
export const Kinds = {
  namespace: kind('', 'v1', 'namespaces', 'Namespace', false),
  service: kind('', 'v1', 'services', 'Service'),
  endpointSlice: kind('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice'),
  pod: kind('', 'v1', 'pods', 'Pod'),
  secret: kind('', 'v1', 'secrets', 'Secret'),
  trafficExtension: kind('extensions.istio.io', 'v1alpha1', 'trafficextensions', 'TrafficExtension'),
  wasmPlugin: kind('extensions.istio.io', 'v1alpha1', 'wasmplugins', 'WasmPlugin'),
  signaturePolicy: kind('extensions.sluice.dev', 'v1alpha1', 'signaturepolicies', 'SignaturePolicy'),
  envoyFilter: kind('networking.istio.io', 'v1alpha3', 'envoyfilters', 'EnvoyFilter'),
  istioGateway: kind('networking.istio.io', 'v1', 'gateways', 'Gateway'),
  virtualService: kind('networking.istio.io', 'v1', 'virtualservices', 'VirtualService'),
  destinationRule: kind('networking.istio.io', 'v1', 'destinationrules', 'DestinationRule'),
  serviceEntry: kind('networking.istio.io', 'v1', 'serviceentries', 'ServiceEntry'),
  gatewayClass: kind('gateway.networking.k8s.io', 'v1', 'gatewayclasses', 'GatewayClass', false),
  gateway: kind('gateway.networking.k8s.io', 'v1', 'gateways', 'Gateway'),
  httpRoute: kind('gateway.networking.k8s.io', 'v1', 'httproutes', 'HTTPRoute'),
  referenceGrant: kind('gateway.networking.k8s.io', 'v1beta1', 'referencegrants', 'ReferenceGrant'),
} as const

/** The short name of a kind that the control plane reads. */
export type KindName = keyof typeof Kinds
