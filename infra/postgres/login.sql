-- Run by PostgreSQL's image when its volume is empty: the login of Penstock's processes. It owns its database, and the
-- role that reads tenants' rows is its own to make (migrations do); it is no superuser, so row-level security holds it too.
\getenv password PENSTOCK_PASSWORD
CREATE ROLE penstock LOGIN CREATEROLE PASSWORD :'password';
ALTER DATABASE penstock OWNER TO penstock;
CREATE EXTENSION IF NOT EXISTS vector;
