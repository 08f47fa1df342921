//! What one node of a cluster holds, asked of it alone. A client would not do: it learns of the other nodes, and asks them as well.

use pentad_client::wire::keys_client::KeysClient;
use pentad_client::wire::{Consistency, RangeRequest, Row};

/// All that the replica at `address` holds, deadlines included, and the commit that this is of; `None` when it does not answer.
pub(crate) async fn contents(address: &str) -> Option<(u64, Vec<Row>)> {
    let mut keys = KeysClient::connect(format!("http://{address}")).await.ok()?;
    let mut request = RangeRequest {
        // Answered by whoever is asked, from what it has.
        consistency: Consistency::Eventual.into(),
        deadlines: true,
        one_view: true,
        ..RangeRequest::default()
    };
    let mut rows = Vec::new();
    loop {
        let page = keys.range(request.clone()).await.ok()?.into_inner();
        rows.extend(page.rows);
        if page.token.is_empty() {
            return Some((page.applied_sequence, rows));
        }
        request.token = page.token;
    }
}
