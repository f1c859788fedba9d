/*
 * The doctor on NOMAD_* in the environment; see doctor.h. Called by doctor.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tool/doctor.h"
#include "tool/surroundings.h"

void doctor_environment(struct doctor *doctor)
{
	static const enum doctor_state states[] = {
		[SURROUNDINGS_HARMLESS] = DOCTOR_OK, [SURROUNDINGS_OTHER] = DOCTOR_NOTE, [SURROUNDINGS_WRONG] = DOCTOR_FAULT};
	struct surroundings list[SURROUNDINGS_MAX];
	struct lookup_places places;
	char remedy[64];

	lookup_places_init(&places);
	size_t count = surroundings_list(&places, list);
	if (count == 0)
		doctor_say(doctor, DOCTOR_OK, "environ", NULL, "no NOMAD_ADDR, NOMAD_REGION or NOMAD_NAMESPACE changes what is looked up");
	for (size_t i = 0; i < count; i++) {
		snprintf(remedy, sizeof remedy, "if that is not meant: unset %s", list[i].variable);
		doctor_say(doctor, states[list[i].effect], "environ", list[i].effect == SURROUNDINGS_HARMLESS ? NULL : remedy, "%s",
		           list[i].text);
	}
}
