BEGIN TRANSACTION;
CREATE TABLE architect_assistants (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	folded TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	created_by TEXT NOT NULL, 
	latest INTEGER NOT NULL, 
	in_force INTEGER, 
	CONSTRAINT pk_architect_assistants PRIMARY KEY (id), 
	CONSTRAINT uq_architect_assistants_name UNIQUE (name)
);
INSERT INTO "architect_assistants" VALUES('aa_ca7f5292d6cfea95','Bot','bot','2026-08-26 12:00:01.000000','ann',3,2);
INSERT INTO "architect_assistants" VALUES('aa_1e28f74be2fa6f54','日本 ''quoted'' %_','日本 ''quoted'' %_','2026-08-26 12:00:01.000000','ann',1,NULL);
CREATE TABLE architect_batches (
	id TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	actor TEXT NOT NULL, 
	source TEXT NOT NULL, 
	file_digest TEXT NOT NULL, 
	created INTEGER NOT NULL, 
	updated INTEGER NOT NULL, 
	unchanged INTEGER NOT NULL, 
	failed INTEGER NOT NULL, 
	CONSTRAINT pk_architect_batches PRIMARY KEY (id)
);
INSERT INTO "architect_batches" VALUES('ab_02e9e8a3d39bcce3','2026-08-26 12:00:01.000000','ann','a.json','abababababababababababababababababababababababababababababababab',2,0,0,1);
INSERT INTO "architect_batches" VALUES('ab_3d035f965f9beae1','2026-08-26 12:00:03.000000','ann','a.json','',1,1,0,0);
INSERT INTO "architect_batches" VALUES('ab_ff62ca1e61a40357','2026-08-26 12:00:06.000000','ann','a.json','',0,1,0,0);
CREATE TABLE architect_events (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	assistant_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	version INTEGER, 
	at DATETIME NOT NULL, 
	actor TEXT NOT NULL, 
	action TEXT NOT NULL, 
	from_state TEXT, 
	to_state TEXT, 
	reason TEXT NOT NULL
);
INSERT INTO "architect_events" VALUES(1,'aa_ca7f5292d6cfea95','Bot',1,'2026-08-26 12:00:01.000000','ann','imported',NULL,'pending_approval','');
INSERT INTO "architect_events" VALUES(2,'aa_1e28f74be2fa6f54','日本 ''quoted'' %_',1,'2026-08-26 12:00:01.000000','ann','imported',NULL,'pending_approval','');
INSERT INTO "architect_events" VALUES(3,'aa_ca7f5292d6cfea95','Bot',1,'2026-08-26 12:00:02.000000','bob','approved','pending_approval','approved','reads well');
INSERT INTO "architect_events" VALUES(4,'aa_ca7f5292d6cfea95','Bot',2,'2026-08-26 12:00:03.000000','ann','imported',NULL,'pending_approval','');
INSERT INTO "architect_events" VALUES(5,'aa_fb71e6e68328f34e','Gone',1,'2026-08-26 12:00:03.000000','ann','imported',NULL,'pending_approval','');
INSERT INTO "architect_events" VALUES(6,'aa_ca7f5292d6cfea95','Bot',1,'2026-08-26 12:00:04.000000','bob','superseded','approved','superseded','Version 2 of Bot was approved.');
INSERT INTO "architect_events" VALUES(7,'aa_ca7f5292d6cfea95','Bot',2,'2026-08-26 12:00:04.000000','bob','approved','pending_approval','approved','');
INSERT INTO "architect_events" VALUES(8,'aa_ca7f5292d6cfea95','Bot',2,'2026-08-26 12:00:05.000000','bob','disabled','approved','disabled','it''s wrong');
INSERT INTO "architect_events" VALUES(9,'aa_ca7f5292d6cfea95','Bot',3,'2026-08-26 12:00:06.000000','ann','imported',NULL,'pending_approval','');
INSERT INTO "architect_events" VALUES(10,'aa_fb71e6e68328f34e','Gone',NULL,'2026-08-26 12:00:07.000000','bob','deleted',NULL,NULL,'not needed');
CREATE TABLE architect_schema (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT architect_schema_pkc PRIMARY KEY (version_num)
);
INSERT INTO "architect_schema" VALUES('0001');
CREATE TABLE architect_versions (
	assistant_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	digest TEXT NOT NULL, 
	state TEXT NOT NULL, 
	description TEXT NOT NULL, 
	prompts INTEGER NOT NULL, 
	inputs INTEGER NOT NULL, 
	models TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	batch_id TEXT NOT NULL, 
	imported_at DATETIME NOT NULL, 
	imported_by TEXT NOT NULL, 
	changed_at DATETIME NOT NULL, 
	content TEXT NOT NULL, 
	CONSTRAINT pk_architect_versions PRIMARY KEY (assistant_id, number), 
	CONSTRAINT fk_architect_versions_assistant_id FOREIGN KEY(assistant_id) REFERENCES architect_assistants (id), 
	CONSTRAINT fk_architect_versions_batch_id FOREIGN KEY(batch_id) REFERENCES architect_batches (id)
);
INSERT INTO "architect_versions" VALUES('aa_ca7f5292d6cfea95',1,'ccdb732b96a34dd23ff59c5ba5ad03cc540a1f046e77a7add9aa67169af578ff','superseded','',1,0,'["demo/echo"]',15,'ab_02e9e8a3d39bcce3','2026-08-26 12:00:01.000000','ann','2026-08-26 12:00:04.000000','{"content":"A"}');
INSERT INTO "architect_versions" VALUES('aa_1e28f74be2fa6f54',1,'8712b58869d80731dfd8845d75bb67eae2211b4c7001f4665f808afaabd073bb','pending_approval','two
lines',1,0,'[]',22,'ab_02e9e8a3d39bcce3','2026-08-26 12:00:01.000000','ann','2026-08-26 12:00:01.000000','{"content":"B\\u0000"}');
INSERT INTO "architect_versions" VALUES('aa_ca7f5292d6cfea95',2,'ebb14c5a6d94723a55a1e67679b0c402d9265742a698ef79b068ec29e7f37b6c','disabled','',1,0,'["demo/echo"]',15,'ab_3d035f965f9beae1','2026-08-26 12:00:03.000000','ann','2026-08-26 12:00:05.000000','{"content":"C"}');
INSERT INTO "architect_versions" VALUES('aa_ca7f5292d6cfea95',3,'52436c5f0d3457a19ca0749bfdffdaaf5b41dffe721a59e167dd5b6a6eef388c','pending_approval','',1,0,'["demo/echo"]',15,'ab_ff62ca1e61a40357','2026-08-26 12:00:06.000000','ann','2026-08-26 12:00:06.000000','{"content":"D"}');
CREATE INDEX ix_architect_batches_at ON architect_batches (at);
CREATE INDEX ix_architect_versions_state ON architect_versions (assistant_id, state, number);
CREATE INDEX ix_architect_versions_batch_id ON architect_versions (batch_id);
CREATE INDEX ix_architect_events_assistant_id ON architect_events (assistant_id, id);
CREATE INDEX ix_architect_events_name ON architect_events (name, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('architect_events',10);
COMMIT;
