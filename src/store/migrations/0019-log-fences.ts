/** Each start of a log raises its fence; what a writer from before brings later is dropped. */
export const statements = ["alter table log add column fence integer not null default 0"];
