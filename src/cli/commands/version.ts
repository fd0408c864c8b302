import { readFileSync } from 'node:fs'
import { packagePath } from '../../base/package-root.ts'
import type { Command } from '../command.ts'

export const command: Command = {
  summary: 'print the versions of Sluice, Node and V8',
  usage: '',
  positionals: false,
  options: {},
  async run() {
    const { version } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8'))
    console.log(`sluice ${version} (node ${process.versions.node}, v8 ${process.versions.v8})`)
    return 0
  },
}
