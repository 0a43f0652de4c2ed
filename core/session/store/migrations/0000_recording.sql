CREATE TABLE `attachment` (
	`name` text PRIMARY KEY NOT NULL,
	`length` integer NOT NULL,
	`sha256` blob NOT NULL,
	`content` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `provider` (
	`index` integer PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`version` text NOT NULL,
	`state_version` integer NOT NULL,
	`config` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `recording` (
	`id` integer PRIMARY KEY NOT NULL,
	`format` integer NOT NULL,
	`uuid` text NOT NULL,
	`created_ms` integer NOT NULL,
	`state` text NOT NULL,
	`seed` integer NOT NULL,
	`backend` text NOT NULL,
	`options` text NOT NULL,
	`selection` text NOT NULL,
	`ioreel` text NOT NULL,
	`bun` text NOT NULL,
	`kernel` text NOT NULL,
	`arch` text NOT NULL,
	`event_count` integer NOT NULL,
	`digest` text NOT NULL,
	`outcome` text,
	`seal` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `segment` (
	`first_sequence` integer PRIMARY KEY NOT NULL,
	`event_count` integer NOT NULL,
	`time_first_ns` integer NOT NULL,
	`time_last_ns` integer NOT NULL,
	`codec` integer NOT NULL,
	`raw_length` integer NOT NULL,
	`crc32` integer NOT NULL,
	`chain` blob NOT NULL,
	`data` blob NOT NULL
);
