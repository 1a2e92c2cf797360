//! The store for fleets: PostgreSQL, any number of nodes.
