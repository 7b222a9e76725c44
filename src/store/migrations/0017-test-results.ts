/**
 * Every result of every test, where there was the last one of each suite only. What the row was called tells the platform when there were several;
 * the journal tells when it ended. The group is what src/gating/resultsdb-data.ts makes of the build's id. The first element of `data->'item'` has a
 * column of its own, so that results of one image are found in order without reading all others.
 */
const group = (build: string) => {
  const hex = `encode(sha256(convert_to('flibs build ' || ${build}, 'UTF8')), 'hex')`;
  return `overlay(overlay(left(${hex}, 32) placing '8' from 13) placing 'a' from 17)::uuid`;
};

export const statements = [
  `create table test_result (
    id bigint generated always as identity primary key,
    build text not null references build (id) on delete cascade,
    suite text not null,
    platform text not null,
    run text not null,
    attempt integer not null,
    outcome text not null check (outcome in ('pass', 'fail', 'error', 'skip')),
    digest text,
    latest boolean not null,
    submitted_at timestamptz not null,
    group_id uuid not null,
    data jsonb not null,
    item text generated always as (data -> 'item' ->> 0) stored,
    result jsonb not null,
    unique (build, suite, platform, run, attempt)
  )`,
  "create unique index test_result_latest on test_result (build, suite, platform) where latest",
  "create index test_result_newest on test_result (submitted_at desc, id desc)",
  "create index test_result_item on test_result (item, submitted_at desc, id desc)",
  "create index test_result_suite on test_result (suite, submitted_at desc, id desc)",
  "create index test_result_outcome on test_result (outcome, submitted_at desc, id desc)",
  "create index test_result_group on test_result (group_id, submitted_at desc, id desc)",
  "create index test_result_data on test_result using gin (data jsonb_path_ops)",
  `insert into test_result (build, suite, platform, run, attempt, outcome, digest, latest, submitted_at, group_id, data, result)
   select old.build, named.suite, named.platform, named.run, 1, old.result ->> 'outcome', image.digest, true,
     coalesce(step.finished_at, build.finished_at, build.created_at), ${group("old.build")},
     case when build.stranger is not null then '{}'::jsonb else jsonb_strip_nulls(jsonb_build_object(
       'item', jsonb_build_array(coalesce(nvr.text, build.digest, image.digest, old.build)),
       'type', jsonb_build_array(case when nvr.text is null then 'container-image' else 'koji_build' end),
       'digest', case when build.digest is not null then jsonb_build_array(build.digest) end,
       'image_digest', case when image.digest is not null then jsonb_build_array(image.digest) end,
       'nvr', case when nvr.text is not null then jsonb_build_array(nvr.text) end,
       'system_architecture', jsonb_build_array(named.architecture),
       'scratch', jsonb_build_array(case when build.scratch then 'True' else 'False' end),
       'source_repository', jsonb_build_array(build.repository),
       'source_commit', jsonb_build_array(build.commit)
     )) end,
     old.result || jsonb_build_object('suite', named.suite, 'platform', named.platform)
       || case when image.digest is null then '{}'::jsonb else jsonb_build_object('digest', image.digest) end
       || case when step.finished_at is null then '{}'::jsonb
          else jsonb_build_object('finishedAt', to_char(step.finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) end
   from build_test as old
   join build on build.id = old.build
   cross join lateral (
     select coalesce(parts[1], old.suite) as suite, coalesce(parts[2], build.plan -> 'platforms' ->> 0, 'linux/amd64') as platform,
       coalesce(old.result ->> 'run', old.build) as run
     from (select regexp_match(old.suite, '^(.*) \\(([a-z0-9]+/[a-z0-9_/]+)\\)$') as parts) as found
   ) as split
   cross join lateral (
     select split.*, coalesce(
       ('{"amd64": "x86_64", "arm64": "aarch64", "386": "i686"}'::jsonb) ->> split_part(split.platform, '/', 2),
       split_part(split.platform, '/', 2)) as architecture
   ) as named
   left join lateral (
     select image ->> 'digest' as digest from build_image where build_image.build = old.build and build_image.platform = named.platform
   ) as image on true
   left join lateral (select build.nvr_name || '-' || build.nvr_version || '-' || build.nvr_release as text) as nvr on true
   left join journal as step on step.run = named.run and step.step = 'test ' || named.suite || ' ' || named.platform
   order by old.seq`,
  "drop table build_test",
  `create table test_artifact (
    build text not null references build (id) on delete cascade,
    run text not null,
    suite text not null,
    platform text not null,
    attempt integer not null,
    name text not null,
    seq bigint generated always as identity,
    media_type text not null,
    bytes bigint not null,
    packing text not null check (packing in ('none', 'deflate')),
    content bytea not null,
    saved_at timestamptz not null,
    primary key (build, run, suite, platform, attempt, name)
  )`,
  "alter table test_artifact alter column content set storage external",
  "create index test_artifact_old on test_artifact (saved_at)",
];
