//! Locks that ThreadSanitizer can follow, under `--cfg watched` alone.
//!
//! Invariant: whoever takes one of these locks is ordered behind whoever gave it back before, exactly as with the
//! standard lock inside, and nobody else is ordered: no race is hidden that the standard lock would leave.
//!
//! The standard library comes compiled without the sanitizer, which therefore does not see what a contended standard lock orders,
//! and takes everything that it guards for a race. So each lock here repeats that order with an atomic of its own, in
//! code that the sanitizer does see. Which types the engine uses is decided in `lock.rs` and `sync.rs`.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{self, LockResult, PoisonError, TryLockError, TryLockResult, WaitTimeoutResult};
use std::time::Duration;

/// The order in which a lock passes from one holder to the next.
#[derive(Debug, Default)]
struct Passing(AtomicU64);

impl Passing {
    /// The lock was taken: what was done before it was last given back is to be seen.
    fn enter(&self) {
        self.0.load(Ordering::Acquire);
    }

    /// The lock is about to be given back.
    fn leave(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

fn map<T, U>(result: LockResult<T>, wrap: impl FnOnce(T) -> U) -> LockResult<U> {
    match result {
        Ok(guard) => Ok(wrap(guard)),
        Err(poisoned) => Err(PoisonError::new(wrap(poisoned.into_inner()))),
    }
}

/// [`std::sync::Mutex`].
#[derive(Debug, Default)]
pub(crate) struct Mutex<T> {
    inner: sync::Mutex<T>,
    passing: Passing,
}

/// [`std::sync::MutexGuard`].
#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T> {
    /// There until the guard is dropped, or handed to a condition variable.
    inner: Option<sync::MutexGuard<'a, T>>,
    passing: &'a Passing,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { inner: sync::Mutex::new(value), passing: Passing(AtomicU64::new(0)) }
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        map(self.inner.lock(), |inner| MutexGuard::of(inner, &self.passing))
    }

    pub(crate) fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let inner = match self.inner.try_lock() {
            Ok(inner) => Ok(inner),
            Err(TryLockError::Poisoned(poisoned)) => Err(poisoned),
            Err(TryLockError::WouldBlock) => return Err(TryLockError::WouldBlock),
        };
        map(inner, |inner| MutexGuard::of(inner, &self.passing)).map_err(TryLockError::Poisoned)
    }
}

impl<'a, T> MutexGuard<'a, T> {
    fn of(inner: sync::MutexGuard<'a, T>, passing: &'a Passing) -> Self {
        passing.enter();
        Self { inner: Some(inner), passing }
    }

    /// The standard guard, for a wait that gives the lock back for a while.
    fn into_inner(mut self) -> sync::MutexGuard<'a, T> {
        self.passing.leave();
        self.inner.take().expect("a guard holds the lock")
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner.as_ref().expect("a guard holds the lock")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("a guard holds the lock")
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        if self.inner.is_some() {
            self.passing.leave();
        }
    }
}

/// [`std::sync::Condvar`].
#[derive(Debug, Default)]
pub(crate) struct Condvar {
    inner: sync::Condvar,
}

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self { inner: sync::Condvar::new() }
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let passing = guard.passing;
        map(self.inner.wait(guard.into_inner()), |inner| MutexGuard::of(inner, passing))
    }

    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let passing = guard.passing;
        let waited = self.inner.wait_timeout(guard.into_inner(), limit);
        map(waited, |(inner, timeout)| (MutexGuard::of(inner, passing), timeout))
    }

    pub(crate) fn notify_one(&self) {
        self.inner.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.inner.notify_all();
    }
}

/// [`std::sync::RwLock`].
#[derive(Debug, Default)]
pub(crate) struct RwLock<T> {
    inner: sync::RwLock<T>,
    /// What writers leave to everyone.
    written: Passing,
    /// What readers leave to writers; they owe each other nothing.
    read: Passing,
}

/// [`std::sync::RwLockReadGuard`].
#[derive(Debug)]
pub(crate) struct RwLockReadGuard<'a, T> {
    inner: sync::RwLockReadGuard<'a, T>,
    read: &'a Passing,
}

/// [`std::sync::RwLockWriteGuard`].
#[derive(Debug)]
pub(crate) struct RwLockWriteGuard<'a, T> {
    inner: sync::RwLockWriteGuard<'a, T>,
    written: &'a Passing,
}

impl<T> RwLock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            inner: sync::RwLock::new(value),
            written: Passing(AtomicU64::new(0)),
            read: Passing(AtomicU64::new(0)),
        }
    }

    pub(crate) fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        map(self.inner.read(), |inner| {
            self.written.enter();
            RwLockReadGuard { inner, read: &self.read }
        })
    }

    pub(crate) fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        map(self.inner.write(), |inner| {
            self.written.enter();
            self.read.enter();
            RwLockWriteGuard { inner, written: &self.written }
        })
    }
}

impl<T> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> Drop for RwLockReadGuard<'_, T> {
    fn drop(&mut self) {
        self.read.leave();
    }
}

impl<T> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T> Drop for RwLockWriteGuard<'_, T> {
    fn drop(&mut self) {
        self.written.leave();
    }
}

/// [`std::sync::OnceLock`].
#[derive(Debug, Default)]
pub(crate) struct OnceLock<T> {
    inner: sync::OnceLock<T>,
    filled: AtomicBool,
    /// Held by the one that fills it.
    filling: sync::Mutex<()>,
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> Self {
        let clone = Self::new();
        if let Some(value) = self.get() {
            clone.get_or_init(|| value.clone());
        }
        clone
    }
}

impl<T> OnceLock<T> {
    pub(crate) const fn new() -> Self {
        Self { inner: sync::OnceLock::new(), filled: AtomicBool::new(false), filling: sync::Mutex::new(()) }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        if self.filled.load(Ordering::Acquire) { self.inner.get() } else { None }
    }

    pub(crate) fn get_or_init(&self, value: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let _filling = self.filling.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = self.get() {
            return value;
        }
        let value = self.inner.get_or_init(value);
        self.filled.store(true, Ordering::Release);
        value
    }
}
