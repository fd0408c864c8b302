/** Sorts as Envoy sorts localities: by region, then zone, then sub-zone. */
export function localityKey(locality: { region: string; zone: string; subZone: string }, priority: number): string {
  return `${priority}\0${locality.region}\0${locality.zone}\0${locality.subZone}`
}
