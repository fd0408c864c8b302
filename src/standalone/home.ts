import { createHash } from 'node:crypto'
import { join, resolve } from 'node:path'
import { homeFolder } from '../base/home-folder.ts'
import { makeFolders } from '../base/make-folders.ts'
import { messageOf, SluiceError } from '../errors.ts'

/** The folder that holds everything which outlives a run: `$SLUICE_HOME`, or `~/.sluice`. */
export interface Home {
  readonly dir: string
  readonly kubeconfig: string
  /** What a running instance tells other commands: addresses and its process id. */
  readonly running: string
  readonly store: string
  readonly registry: string
  readonly cache: string
  /** Of the instance itself, JSON lines. */
  readonly log: string
  /** Of Pods, a folder each. */
  readonly logs: string
  /** Where its Pods get addresses: 127.1.0.0/16, another range for another home, so that two instances do not meet. */
  readonly podCidr: string
}

export function openHome(given = process.env['SLUICE_HOME']): Home {
  const user = homeFolder()
  const usual = user && join(user, '.sluice')
  const dir = given || usual
  if (dir === undefined) throw new SluiceError('SL6009', 'the user has no home folder')
  try {
    makeFolders(resolve(dir), 0o700)
  } catch (error) {
    throw new SluiceError('SL6009', messageOf(error), { cause: error, where: dir })
  }
  return {
    dir,
    kubeconfig: join(dir, 'kubeconfig'),
    running: join(dir, 'running.json'),
    store: join(dir, 'store'),
    registry: join(dir, 'registry'),
    cache: join(dir, 'cache'),
    log: join(dir, 'sluice.log'),
    logs: join(dir, 'logs'),
    podCidr: `127.${dir === usual ? 1 : rangeOf(dir)}.0.0/16`,
  }
}

/** 2 to 250, by the folder's name. */
function rangeOf(dir: string): number {
  return 2 + (createHash('sha256').update(dir).digest().readUInt32BE(0) % 249)
}
