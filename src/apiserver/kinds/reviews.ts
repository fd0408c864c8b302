/** Questions about users and rights: answered, never stored. There is one user, who may do everything. */
import type { Kind } from '../kind.ts'
import type { ApiObject } from '../object.ts'
import type { User } from '../rest/context.ts'
import { builtin } from './builtin.ts'

export type Review = (object: ApiObject, user: User) => object

const ALLOWED = { allowed: true, reason: 'the embedded API server has one user, who may do everything' }

function review(group: string, plural: string, kind: string, namespaced = false): Kind {
  const message = `${group.split('.')[0]}.v1.${kind}`
  const made = builtin({ group, plural, kind, message, namespaced })
  return { ...made, verbs: ['create'] }
}

const AUTHORIZATION = 'authorization.k8s.io'
const AUTHENTICATION = 'authentication.k8s.io'

export const reviewKinds: readonly Kind[] = [
  review(AUTHENTICATION, 'selfsubjectreviews', 'SelfSubjectReview'),
  review(AUTHORIZATION, 'selfsubjectaccessreviews', 'SelfSubjectAccessReview'),
  review(AUTHORIZATION, 'selfsubjectrulesreviews', 'SelfSubjectRulesReview'),
  review(AUTHORIZATION, 'subjectaccessreviews', 'SubjectAccessReview'),
  review(AUTHORIZATION, 'localsubjectaccessreviews', 'LocalSubjectAccessReview', true),
]

/** The status of each review. */
export const reviews: Readonly<Record<string, Review>> = {
  selfsubjectreviews: (_, user) => ({ userInfo: { username: user.name, groups: user.groups } }),
  selfsubjectaccessreviews: () => ALLOWED,
  subjectaccessreviews: () => ALLOWED,
  localsubjectaccessreviews: () => ALLOWED,
  selfsubjectrulesreviews: () => ({
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
    incomplete: false,
  }),
}
