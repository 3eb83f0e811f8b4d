/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests: one line each, "ID COMMAND ARGUMENT...", and one line of JSON as the answer. An answer may be long (64 VMs of 64 vcpus),
 * so a command is a function that is called again and again, and writes one piece of at most CONTROL_PIECE bytes each time. Between two
 * pieces nothing is held: no lock, no reference. A VM may go meanwhile, and the answer is well formed all the same.
 *
 * Of one work item at a time (channel.c).
 */
#ifndef CONTROL_REQUEST_H
#define CONTROL_REQUEST_H

#include "control/json.h"
#include "vcpu/vm.h"
#include "vm/bundle_store.h"
#include "vm/operator.h"

#define CONTROL_LINE  255  /* characters of a request */
#define CONTROL_PIECE 1536 /* bytes of an answer that are written at once */
#define CONTROL_WORDS 8

/* A line that is coming in. Zeroed: nothing has come. */
struct control_line {
	char text[CONTROL_LINE + 1];
	unsigned int len;
	bool too_long; /* the rest of it is skipped */
	bool not_text; /* it has a byte that is no printable ASCII */
};

/* control_line_add - @c is the next byte. True: the line is whole; an empty one never is. control_line_clear - the next one begins. */
bool control_line_add(struct control_line *l, char c);
void control_line_clear(struct control_line *l);

struct control_request;

/*
 * A counted frame: bytes as they are, which follow the line of an answer. That line says how many they are ("bytes"). The other side asks
 * for the next one when it has all of them, so no more than one is on its way.
 */
struct control_frame {
	uint64_t left; /* bytes that are still to be sent; 0: there is no frame */
	/* get - the next of them, in one piece. sent - the first @n of that piece are on their way. */
	const char *(*get)(size_t *len);
	void (*sent)(size_t n);
};

#define CONTROL_TYPED_MAX 128

/* Bytes as they are, which follow the line of a request (a frame). That line says how many. */
struct control_data {
	uint64_t left; /* still to come; 0: none */
	struct stored_bundle
		*to; /* where they go, with a reference; NULL: they are typed, or skipped */
	bool typed;  /* they go to the console that the request names */
	uint32_t nr_typed;
	char bytes[CONTROL_TYPED_MAX];
};

#define CONTROL_FRAME_MAX 65536
#define CONTROL_DATA_STEP 4096 /* of a frame, in one step */

/* What a command takes. */
enum control_takes {
	CONTROL_NOTHING,
	CONTROL_MAY_RESET,   /* perhaps the word "reset" */
	CONTROL_VM,	     /* a VM's name */
	CONTROL_VM_SETTINGS, /* and then NAME=NUMBER, one or more */
	CONTROL_ANYTHING,
};

struct control_command {
	const char *name, *args, *what;
	uint8_t takes; /* enum control_takes */
	uint8_t op;    /* enum vm_op, of commands that are nothing else */
	/* run - write a piece of the answer to r->json, which is in an object already. False: that was all. The first call finds
	 * r->step 0, and may call control_fail(). If it sets r->undecided, nothing is written, and the next call is a first one, too,
	 * but for r->step. */
	bool (*run)(struct control_request *r);
};

struct control_request {
	struct control_line line;
	const char *words[CONTROL_WORDS]; /* of the line: the id, the command, its arguments */
	unsigned int nr_words;
	uint64_t id;
	bool has_id;
	const struct control_command *command;
	struct vm *vm; /* that the command is for, with a reference, while it runs */
	char why[512]; /* it has failed, if this is not empty */

	/* The answer: how far it is. */
	bool begun, walk_vcpus;
	bool undecided; /* whether it is an error is not known yet */
	struct json json;
	unsigned int step, vm_id, vcpu, part;
	char vm_name[VM_NAME_MAX + 1]; /* of the VM that is being written */
	uint64_t at;
	struct control_frame frame; /* behind the answer */
	struct control_data data;   /* behind the line */
};

/* control_begin - @r->line is whole: its answer begins. */
void control_begin(struct control_request *r);

/* control_go_on - write the next piece of the answer to @buf, of CONTROL_PIECE bytes; returns how many it has. *@more: call again. */
size_t control_go_on(struct control_request *r, char *buf, bool *more);

/*
 * control_data_room - where the next bytes of r->data go, *@room at most; NULL: nowhere. control_data_came - there are @n of them.
 * control_data_drop - no more come.
 */
char *control_data_room(struct control_request *r, size_t *room);
void control_data_came(struct control_request *r, size_t n);
void control_data_drop(struct control_request *r);

/* control_fail - the answer is an error, and the sentence is why. What the command has written is forgotten. */
void control_fail(struct control_request *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
