//! What the commit leader does with a group: evaluate, reserve, write, sync, apply, publish.
//!
//! Invariants: nothing is visible before it has the durability that was asked for; sequences are published in order and without
//! a hole; when a write or sync fails, every result of the group is an error and no later commit is taken.

use std::sync::Arc;

use super::evaluate::{Evaluation, Plan};
use super::item::{Item, ItemValue};
use super::job::{Job, JobResult};
use super::lineage::{Ancestry, lineages};
use super::queue::Leader;
use crate::batch::Outcome;
use crate::error::{Error, ErrorKind, Result};
use crate::format::entry::Lineage;
use crate::format::frame::{self, FrameHeader, FrameKind, rank_in};
use crate::index::{Before, Born, Change, Name, Version};
use crate::log::announce::News;
use crate::log::failure::Failure;
use crate::log::frame_writer::Standing;
use crate::log::segment::Segment;
use crate::log::writer::{LogWriter, Purpose};
use crate::numbers::{FrameNumber, LogOffset, Sequence, Timestamp};
use crate::options::Durability;
use crate::planted::{Bug, planted};
use crate::store::core::Core;
use crate::store::dead_bytes::DeadBytes;
use crate::stream::StagedStream;

/// A job after evaluation.
#[derive(Debug)]
enum Step<'g> {
    Refused(Error),
    Commit(Plan<'g>),
    Sync,
    /// `is_news` is whether the log does not say so yet: retention moves the floor without a frame.
    Prune {
        floor: Sequence,
        count: u64,
        is_news: bool,
    },
}

/// Where a commit was written.
#[derive(Debug)]
struct Written {
    frame: FrameNumber,
    sequence: Option<Sequence>,
    offset: u64,
    /// The end of the log behind it.
    tail: LogOffset,
}

/// What is known of the entries of a group, in the order of the log.
#[derive(Debug, Default)]
struct Entries {
    /// The version before each, as it was found before the group was written.
    before: Vec<Option<Before>>,
    /// Which version of its key each of them is, as far as it has to be said.
    lineages: Vec<Option<Lineage>>,
    /// Where they stand.
    standing: Vec<Standing>,
}

impl Leader<Job, JobResult> for Core {
    fn lead(&self, jobs: &[Job]) -> Vec<JobResult> {
        let mut results = Vec::with_capacity(jobs.len());
        let mut run = Vec::new();
        for job in jobs {
            // A commit with a stream ends its run, so that later commits find the stream in the catalog.
            let ends = matches!(job, Job::Commit(batch) if batch.contents.summary.has_stream);
            run.push(job);
            if ends {
                results.extend(self.lead_run(&std::mem::take(&mut run)));
            }
        }
        if !run.is_empty() {
            results.extend(self.lead_run(&run));
        }
        results
    }

    fn told(&self) {
        self.wakeups.ring();
    }

    fn waits_for_disk(&self, job: &Job) -> bool {
        match job {
            Job::Commit(batch) => batch.durability.unwrap_or(self.options.durability) == Durability::Disk,
            Job::Sync | Job::Prune(_) => true,
        }
    }

    fn panicked(&self, message: &str) -> JobResult {
        Err(self.poison_by_panic("committing", message))
    }
}

impl Core {
    /// Runs `work` at the end of the log while nobody commits. When it fails half-way, or panics, the store is poisoned.
    pub(crate) fn at_log_end<T>(&self, work: impl FnOnce(&mut LogWriter) -> Result<T, Failure>) -> Result<T> {
        self.queue.exclusive(|| {
            self.poison_on_panic("writing to the log", || {
                let mut guard = self.writer();
                // Only the leader knows that no write or sync has failed since: after a failed sync another one
                // proves nothing, and must not be taken for a proof.
                self.check_writable()?;
                let writer = guard.as_mut().ok_or_else(|| self.closed_error())?;
                work(writer).map_err(|failure| self.note_failure(failure))
            })
        })
    }

    /// Poisons the store if a failure was fatal; returns the error.
    pub(crate) fn note_failure(&self, failure: Failure) -> Error {
        let fatal = matches!(failure, Failure::Fatal(_));
        let error = failure.into_error();
        if fatal {
            self.poison(&error);
        }
        error
    }

    fn lead_run<'g>(&'g self, jobs: &[&'g Job]) -> Vec<JobResult> {
        let mut guard = self.writer();
        let ready = self.check_writable().and_then(|()| guard.as_mut().ok_or_else(|| self.closed_error()));
        let writer = match ready {
            Ok(writer) => writer,
            Err(error) => return jobs.iter().map(|_| Err(error.clone())).collect(),
        };
        let time = self.time.now();
        let batches = jobs.iter().filter_map(|&job| match job {
            Job::Commit(batch) => Some(&**batch),
            Job::Sync | Job::Prune(_) => None,
        });
        let mut evaluation = Evaluation::new(self, time, writer.state.last_sequence, batches);
        let mut last_sequence = writer.state.last_sequence;
        let mut floor = self.batches.oldest_or_next();
        let mut recorded = writer.state.floor;
        let mut disk = false;
        let steps: Vec<Step<'_>> = jobs
            .iter()
            .map(|&job| match job {
                Job::Commit(batch) => match evaluation.plan(batch) {
                    Ok(plan) => {
                        last_sequence = plan.sequence.unwrap_or(last_sequence);
                        disk |= self.waits_for_disk(job);
                        Step::Commit(plan)
                    }
                    Err(error) => Step::Refused(error),
                },
                Job::Sync => {
                    disk = true;
                    Step::Sync
                }
                Job::Prune(before) => {
                    disk = true;
                    let wanted = (*before).min(last_sequence.next()).max(floor);
                    let count = wanted.0 - floor.0;
                    floor = wanted;
                    let is_news = floor > recorded;
                    recorded = recorded.max(floor);
                    Step::Prune { floor, count, is_news }
                }
            })
            .collect();
        let streams = evaluation.into_streams();
        // The job that may take the least of the disk decides for its group.
        let purpose = jobs.iter().map(|job| job.purpose()).min().unwrap_or(Purpose::Relief);
        let mut tail = self.published.tail();
        match self.carry_out(writer, &steps, &streams, time, disk, purpose) {
            Ok(tails) => {
                // The tail that a caller is told grows with every commit, also within a group.
                let mut tails = tails.into_iter();
                let mut tell = |step: Step<'_>| {
                    if step.is_written() {
                        tail = tails.next().unwrap_or(tail);
                    }
                    step.result(tail)
                };
                steps.into_iter().map(&mut tell).collect()
            }
            Err(failure) => {
                drop(guard);
                let error = self.note_failure(failure);
                if error.kind() != ErrorKind::DiskFull || jobs.iter().all(|job| job.purpose() == purpose) {
                    return jobs.iter().map(|_| Err(error.clone())).collect();
                }
                self.lead_relief(jobs, purpose, &error)
            }
        }
    }

    /// Runs those jobs of a group alone that may take more of the disk, after the others found it full.
    fn lead_relief(&self, jobs: &[&Job], refused: Purpose, full: &Error) -> Vec<JobResult> {
        let may = |job: &&Job| job.purpose() > refused;
        let again: Vec<bool> = jobs.iter().map(may).collect();
        let relieving: Vec<&Job> = jobs.iter().copied().filter(may).collect();
        let mut done = self.lead_run(&relieving).into_iter();
        let result = |again| if again { done.next() } else { None };
        again.into_iter().map(result).map(|done| done.unwrap_or_else(|| Err(full.clone()))).collect()
    }

    /// Writes what the steps ask for, and makes it visible. Returns the end of the log behind each commit.
    fn carry_out(
        &self,
        writer: &mut LogWriter,
        steps: &[Step<'_>],
        streams: &[StagedStream],
        time: Timestamp,
        disk: bool,
        purpose: Purpose,
    ) -> Result<Vec<LogOffset>, Failure> {
        let bytes: u64 = steps.iter().map(Step::bytes_max).sum();
        let mut written = Vec::new();
        let mut entries = Entries::default();
        if bytes > 0 {
            self.announce_system(steps)?;
            let keeps_lineages = self.announce_lineages(steps)?;
            writer.reserve(bytes, purpose)?;
            self.resolve(steps, &mut entries);
            if keeps_lineages {
                let group = steps.iter().filter_map(Step::plan).flat_map(Ancestry::of);
                entries.lineages = lineages(&self.index, group, &entries.before);
            } else {
                entries.lineages.resize(entries.before.len(), None);
            }
            self.list_streams(writer, streams)?;
            if planted(Bug::PublishBeforeWrite) {
                let has_sequence =
                    |step: &&Step<'_>| matches!(step, Step::Commit(plan) if plan.sequence.is_some());
                let ahead = steps.iter().filter(has_sequence).count();
                self.published.publish(Sequence(writer.state.last_sequence.0 + ahead as u64), writer.tail());
            }
            let mut frames = writer.begin();
            let mut lineages = &entries.lineages[..];
            for step in steps {
                match step {
                    Step::Commit(plan) if plan.is_written() => {
                        let Plan { sequence, items, time, .. } = plan;
                        let kind = if sequence.is_some() { FrameKind::Commit } else { FrameKind::Metadata };
                        let header = writer.next_header(kind, sequence.unwrap_or_default(), *time);
                        let keeps_lineages = keeps_lineages && kind == FrameKind::Commit;
                        let header = FrameHeader { keeps_lineages, ..header };
                        let (offset, frame) = (frames.position(), header.number);
                        let mut placed = |standing| entries.standing.push(standing);
                        let apart = items_apart(plan);
                        let (these, others) = lineages.split_at(items.len());
                        lineages = others;
                        let along = items[..apart].iter().zip(these);
                        frames.frame(header, along.map(|(item, of)| item.entry_with(*of)), &mut placed);
                        if apart < items.len() {
                            let header = writer.next_header(FrameKind::Metadata, Sequence(0), *time);
                            frames.frame(header, items[apart..].iter().map(Item::entry), placed);
                        }
                        let tail = writer.active.segment.log_offset(frames.position());
                        written.push(Written { frame, sequence: *sequence, offset, tail });
                    }
                    Step::Prune { floor, is_news: true, .. } => {
                        let header = writer.next_header(FrameKind::Floor, Sequence(0), time);
                        frames.plain_frame(header, &floor.0.to_le_bytes());
                        writer.state.floor = *floor;
                    }
                    _ => {}
                }
            }
            if planted(Bug::IndexBeforeLog) {
                self.make_visible(writer, steps, &written, &entries);
            }
            writer.write(frames)?;
        }
        if disk {
            writer.sync()?;
        }
        if bytes > 0 && planted(Bug::IndexBeforeLog) {
            writer.active.segment.set_end(writer.active.tail);
        } else {
            self.make_visible(writer, steps, &written, &entries);
        }
        Ok(written.into_iter().map(|written| written.tail).collect())
    }

    /// Says in the identity that there may be system entries, before the first is written.
    fn announce_system(&self, steps: &[Step<'_>]) -> Result<(), Failure> {
        let is_system = |item: &Item<'_>| item.key.is_system();
        let wanted = || steps.iter().any(|step| step.items().iter().any(is_system));
        if self.announced.has(News::NamedEntries) || !wanted() {
            return Ok(());
        }
        self.announced.say(News::NamedEntries, &*self.environment.disk, &self.dir, &self.catalog)
    }

    /// Says in the identity that there may be lineages, before the first is written: with the first commit into a store of an
    /// older format. Returns whether it is said.
    fn announce_lineages(&self, steps: &[Step<'_>]) -> Result<bool, Failure> {
        let is_commit = |step: &Step<'_>| step.plan().is_some_and(|plan| plan.sequence.is_some());
        if self.announced.has(News::Lineages) || !steps.iter().any(is_commit) {
            return Ok(self.announced.has(News::Lineages));
        }
        match self.announced.say(News::Lineages, &*self.environment.disk, &self.dir, &self.catalog) {
            Ok(()) => Ok(true),
            // On a full disk, what makes room must not fail for want of it. The next commit tries again.
            Err(Failure::Refused(error)) if error.kind() == ErrorKind::DiskFull => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Puts staged streams into the catalog and the table, before a frame refers to them.
    fn list_streams(&self, writer: &mut LogWriter, streams: &[StagedStream]) -> Result<(), Failure> {
        let new: Vec<&StagedStream> = {
            let mut seen = std::collections::BTreeSet::new();
            streams.iter().filter(|stream| !stream.is_listed() && seen.insert(stream.record().id)).collect()
        };
        if new.is_empty() {
            return Ok(());
        }
        // The catalog says where the log stands, and must not speak of frames that a power cut can take back.
        writer.sync()?;
        let listed = self.catalog.update(|catalog| {
            writer.stamp(catalog);
            new.iter().for_each(|stream| catalog.add(stream.record().clone()));
        });
        if !matches!(listed, Err(Failure::Refused(_))) {
            // Before anything refers to it in the index, so that compaction never takes it for unused.
            new.iter().for_each(|stream| writer.active.segment.refer(stream.record().id));
            // Also after a failure half-way: one copy of the catalog may name the file.
            new.iter().for_each(|stream| stream.set_listed());
        }
        listed?;
        let segments = new.iter().map(|stream| {
            let disk = Arc::clone(&self.environment.disk);
            Arc::new(Segment::stream(&self.dir, stream.record(), disk, stream.lease()))
        });
        self.segments.change(segments, &[]);
        Ok(())
    }

    /// Finds out, for every key of the group, where its newest version stands.
    fn resolve(&self, steps: &[Step<'_>], entries: &mut Entries) {
        let items = || steps.iter().flat_map(|step| step.items());
        let count = steps.iter().map(|step| step.items().len()).sum();
        entries.before.reserve_exact(count);
        entries.standing.reserve_exact(count);
        self.index.resolve(items().map(Item::name), |before| entries.before.push(before));
    }

    /// Applies the group to the indexes and publishes it.
    fn make_visible(
        &self,
        writer: &mut LogWriter,
        steps: &[Step<'_>],
        written: &[Written],
        entries: &Entries,
    ) {
        let segment = Arc::clone(&writer.active.segment);
        segment.set_end(writer.active.tail);
        let mut changes = Vec::with_capacity(entries.standing.len());
        let mut facts = entries.standing.iter().zip(&entries.before);
        let (mut live, mut commits) = (0, 0);
        for (step, written) in steps.iter().filter(|step| step.is_written()).zip(written) {
            for ((item, (standing, before)), ordinal) in step.items().iter().zip(facts.by_ref()).zip(0..) {
                if let ItemValue::External { segment: stream, .. } = item.value {
                    segment.refer(stream);
                }
                let bytes = standing.end - standing.start;
                live += bytes;
                let born = Born::At(segment.log_offset(standing.start));
                let address = segment.address(standing.start);
                let version = Version { address, bytes, kind: item.kind(), born };
                let Name { space, key, hash } = item.name();
                let sequence = written.sequence.unwrap_or_default();
                let rank = (rank_in(written.frame, sequence, item.entry().subject), ordinal);
                changes.push(Change {
                    space,
                    key,
                    hash,
                    version,
                    rank,
                    before: before.as_ref().map(|before| &before.version),
                });
            }
            segment.frame_starts().note(written.offset);
            if let Some(sequence) = written.sequence {
                self.batches.push(sequence);
                commits += 1;
            }
        }
        segment.count_live(live.cast_signed());
        let mut dead = DeadBytes::default();
        if self.wakeups.are_watched() {
            // What expired unnoticed is told before a commit puts it again.
            self.index.reap(writer.state.time);
        }
        if !changes.is_empty() {
            // No later than the group itself: its commits may become the first ones that can be read back.
            let mut horizon = self.horizon();
            horizon.time = horizon.time.min(writer.state.time);
            self.index.apply(&changes, horizon, &mut |version| dead.note(version));
        }
        for plan in steps.iter().filter_map(Step::plan) {
            if let Some(by) = plan.sequence {
                plan.dropped.iter().for_each(|(keyspace, _)| self.namespaces.drop_by(*keyspace, by));
            }
        }
        // Also on a clock that stands: a commit that shows takes place no later than now.
        self.time.raise(writer.state.time);
        if let Some(last) = written.last() {
            // Marks and floors do not show in the tail that users see: it moves with commits and system entries alone.
            self.published.publish(writer.state.last_sequence, last.tail);
        }
        for step in steps {
            if let Step::Prune { floor, .. } = step {
                self.batches.prune(*floor);
            }
        }
        self.retain(writer.tail());
        self.counters.group(commits, writer.syncs);
        self.note_expiries();
        let horizon =
            if planted(Bug::PrunePastReader) && steps.iter().any(|s| matches!(s, Step::Prune { .. })) {
                self.view()
            } else {
                self.horizon()
            };
        self.index.collect(horizon, &mut |version| dead.note(version));
        self.count_dead_bytes(dead);
    }
}

impl<'g> Step<'g> {
    /// Most bytes that the step's frame takes.
    fn bytes_max(&self) -> u64 {
        match self {
            Self::Commit(plan) if plan.is_written() => {
                let frames = if items_apart(plan) < plan.items.len() { 2 } else { 1 };
                frames * frame::LENGTH + plan.bytes_max
            }
            Self::Prune { is_news: true, .. } => frame::LENGTH + 8,
            _ => 0,
        }
    }

    /// Whether it is a commit that goes into the log.
    fn is_written(&self) -> bool {
        matches!(self, Self::Commit(plan) if plan.is_written())
    }

    fn plan(&self) -> Option<&Plan<'g>> {
        if let Self::Commit(plan) = self { Some(plan) } else { None }
    }

    /// The entries that it writes.
    fn items(&self) -> &[Item<'g>] {
        match self {
            Self::Commit(plan) if plan.is_written() => &plan.items,
            _ => &[],
        }
    }

    fn result(self, tail: LogOffset) -> JobResult {
        let plan = match self {
            Self::Refused(error) => return Err(error),
            Self::Commit(plan) => plan,
            Self::Sync => Plan { applied: true, ..Plan::default() },
            Self::Prune { count, .. } => Plan { applied: true, deleted: count, ..Plan::default() },
        };
        let Plan { applied, sequence, deleted, counter, renewed, previous, .. } = plan;
        Ok(Outcome { applied, sequence, tail, deleted, counter, renewed, previous })
    }
}

/// From which item on a commit goes into a frame of its own: none, but for a deliberate defect.
fn items_apart(plan: &Plan<'_>) -> usize {
    let is_system = |item: &Item<'_>| item.key.is_system();
    let first = plan.items.iter().position(is_system).filter(|_| planted(Bug::SystemEntriesApart));
    first.filter(|_| plan.sequence.is_some()).unwrap_or(plan.items.len())
}

#[cfg(test)]
#[path = "leader_tests.rs"]
mod tests;
