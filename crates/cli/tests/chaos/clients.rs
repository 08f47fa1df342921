//! Clients that keep a cluster busy and write down what they were told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pentad_client::Client;
use pentad_traits::{ClientApi as _, ClientApiError, ErrorCode};
use tokio::task::JoinSet;

use crate::history::{Action, History, Value};
use crate::random::Random;

/// Few, so that clients meet on them; and more than one, so that a history of one of them stays short enough to be checked.
const KEYS: u64 = 12;

/// The keys that the clients use.
pub(crate) fn keys() -> impl Iterator<Item = String> {
    (0..KEYS).map(|number| format!("key{number}"))
}

/// What keeps a cluster busy.
#[derive(Debug)]
pub(crate) struct Load {
    history: Arc<History>,
    is_over: Arc<AtomicBool>,
    clients: JoinSet<u64>,
}

impl Load {
    /// So many clients, each of which knows all nodes.
    pub(crate) fn start(clients: u64, addresses: &[String], random: &mut Random) -> Self {
        let history = Arc::new(History::new());
        let is_over = Arc::new(AtomicBool::new(false));
        let mut load = Self { history, is_over, clients: JoinSet::new() };
        for client in 0..clients {
            let (history, is_over) = (Arc::clone(&load.history), Arc::clone(&load.is_over));
            let (addresses, random) = (addresses.to_vec(), Random::new(random.next()));
            load.clients.spawn(run(client, addresses, history, is_over, random));
        }
        load
    }

    /// Ends it: what all clients together were told, and how many of their calls were answered.
    pub(crate) async fn end(self) -> (History, u64) {
        self.is_over.store(true, Ordering::Relaxed);
        let answered = self.clients.join_all().await.into_iter().sum();
        (Arc::into_inner(self.history).expect("the clients are gone"), answered)
    }
}

/// Calls one after the other until it is over; how many were answered.
async fn run(
    number: u64,
    addresses: Vec<String>,
    history: Arc<History>,
    is_over: Arc<AtomicBool>,
    mut random: Random,
) -> u64 {
    let client = Client::connect(addresses).await.unwrap();
    let mut answered = 0;
    // What a key held when this client last knew, so that some of its swaps hit.
    let mut seen: Vec<Option<Value>> = keys().map(|_| None).collect();
    for count in 0_u64.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let which = random.below_usize(seen.len());
        let key = format!("key{which}");
        // No two writes of a run write the same.
        let new = number << 40 | count;
        let invoked = history.now_ns();
        let action = match random.below(10) {
            0..=2 => Action::Put(new),
            3 => Action::Delete,
            4 | 5 => Action::Swap { expected: seen[which], new, swapped: None },
            _ => Action::Get(None),
        };
        let is_leased = random.below(2) == 0;
        match call(&client, &key, action, is_leased).await {
            Ok(action) => {
                seen[which] = match action {
                    Action::Get(value) => value,
                    Action::Put(value) | Action::Swap { new: value, swapped: Some(true), .. } => Some(value),
                    Action::Delete => None,
                    Action::Swap { .. } => seen[which],
                };
                history.returned(&key, invoked, action);
                answered += 1;
            }
            Err(error) if is_unknown(&error) && !matches!(action, Action::Get(_)) => {
                history.unknown(&key, invoked, action);
            }
            // Refused for certain, or a read, which changes nothing.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
    answered
}

/// Makes the call; the action with its answer.
async fn call(client: &Client, key: &str, action: Action, is_leased: bool) -> Result<Action, ClientApiError> {
    Ok(match action {
        Action::Put(value) => {
            client.put(key, value.to_string()).await?;
            action
        }
        Action::Delete => {
            client.delete(key).await?;
            action
        }
        Action::Swap { expected, new, .. } => {
            let expected_value = expected.map(|value| value.to_string());
            let swapped = client.compare_and_swap(key, expected_value, new.to_string()).await?;
            Action::Swap { expected, new, swapped: Some(swapped) }
        }
        Action::Get(_) => {
            let value =
                if is_leased { client.get_lease(key).await? } else { client.get_linearizable(key).await? };
            Action::Get(value.map(|value| std::str::from_utf8(&value).unwrap().parse().unwrap()))
        }
    })
}

fn is_unknown(error: &ClientApiError) -> bool {
    error.code() == ErrorCode::ConnectionTimeout
}
