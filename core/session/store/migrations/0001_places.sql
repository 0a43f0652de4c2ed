CREATE TABLE `checkpoint` (
	`sequence` integer PRIMARY KEY NOT NULL,
	`crc32` integer NOT NULL,
	`data` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `chunk` (
	`id` integer PRIMARY KEY NOT NULL,
	`sha256` blob NOT NULL,
	`data` blob NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `chunk_sha256_unique` ON `chunk` (`sha256`);--> statement-breakpoint
CREATE TABLE `mark` (
	`sequence` integer PRIMARY KEY NOT NULL,
	`time_ns` integer NOT NULL,
	`text` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `snapshot` (
	`sequence` integer NOT NULL,
	`part` integer NOT NULL,
	`name` text NOT NULL,
	`state_version` integer NOT NULL,
	`length` integer NOT NULL,
	`crc32` integer NOT NULL,
	`chunks` blob NOT NULL,
	PRIMARY KEY(`sequence`, `part`)
);
