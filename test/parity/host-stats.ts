const COUNT = /^(.+?)::\S+?:\d+::(cx_connect_fail|cx_total|rq_error|rq_success|rq_timeout|rq_total)::(\d+)$/gm

/** What `/clusters` counts of hosts, as lines of `/stats`: of a cluster's hosts together, since which of them is asked may be left to chance. */
export function hostStats(clusters: string): string {
  const sums = new Map<string, number>()
  for (const [, cluster, counter, value] of clusters.matchAll(COUNT)) {
    const name = `cluster.${cluster}.hosts.${counter}`
    sums.set(name, (sums.get(name) ?? 0) + Number(value))
  }
  return [...sums].map(([name, sum]) => `${name}: ${sum}\n`).join('')
}
