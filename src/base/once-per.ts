/** The function, asked once for each object as long as that lives: for what is costly to find out about messages that nobody changes. */
export function oncePer<K extends object, V extends object>(find: (of: K) => V): (of: K) => V {
  const known = new WeakMap<K, V>()
  return (of) => {
    let found = known.get(of)
    if (found === undefined) {
      found = find(of)
      known.set(of, found)
    }
    return found
  }
}
