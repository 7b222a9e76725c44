/** What a build was asked for beside its commit: isolated, release, yum repositories, parent build, target, userdata; null of older builds. */
export const statements = ["alter table build add column options jsonb"];
