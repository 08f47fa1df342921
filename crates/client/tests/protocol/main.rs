//! The wire protocol as others see it: what is written down of it, its bytes, and what an older side makes of a newer one's.

mod description;
mod encodings;
mod unknown;
