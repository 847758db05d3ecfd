package mimecast

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	pathGroupsREST  = "/directory/cloud-gateway/v1/groups"
	pathFindGroups  = "/api/directory/find-groups"
	pathCreateGroup = "/api/directory/create-group"
	pathDeleteGroup = "/api/directory/delete-group" // REST has no such call

	sourceCloud = "cloud" // groups that are not synchronised from a directory
)

// group is a profile group in either style; its name is its description.
type group struct {
	ID          text `json:"id"`
	Description text `json:"description"`
	Source      text `json:"source"`
}

type groupPageREST struct {
	Meta   *meta        `json:"meta"`
	Groups *many[group] `json:"groups"`
}

type groupPageClassic struct {
	Meta meta `json:"meta"`
	Data many[struct {
		Folders many[group] `json:"folders"`
	}] `json:"data"`
	Fail many[failEntry] `json:"fail"`
}

type findGroups struct {
	Query  string `json:"query"`
	Source string `json:"source"`
}

type findGroupsRequest struct {
	Meta requestMeta   `json:"meta"`
	Data [1]findGroups `json:"data"`
}

type newGroup struct {
	Description string `json:"description"`
}

type newGroupRequest struct {
	Data [1]newGroup `json:"data"`
}

type createdAnswer struct {
	ID   text `json:"id"` // REST
	Data many[struct {
		ID text `json:"id"`
	}] `json:"data"` // classic
	Fail many[failEntry] `json:"fail"`
}

// SenderGroup gives the id of the integration's own group: rememberedID if there is still a group of that id, or else the
// group whose name is exactly this one, which is made if there is none. Two of that name are a final error of class Rejected
// that names their ids. Every failure is a *vendorapi.Error; one of class Unavailable may mean that an earlier try may have
// made the group, and says when to ask again. Contract section 5.
func (c *Client) SenderGroup(ctx context.Context, name, rememberedID string) (string, error) {
	there, err := c.groupThere(ctx, rememberedID)
	if err != nil || there {
		return rememberedID, err
	}
	found, err := c.groupsNamed(ctx, name)
	switch {
	case err != nil:
		return "", err
	case slices.Contains(found, rememberedID):
		return rememberedID, nil
	case len(found) > 1:
		return "", severalGroups(name, found)
	case len(found) == 1:
		return found[0], nil
	}
	if there, err := c.membersThere(ctx, rememberedID); err != nil || there {
		return rememberedID, err
	}
	return c.made.once("group "+name, func() (string, error) { return c.createGroup(ctx, name) })
}

// FindSenderGroup gives the id of the group that SenderGroup would give, and whether there is one; it makes none. Every failure is
// a *vendorapi.Error.
func (c *Client) FindSenderGroup(ctx context.Context, name, rememberedID string) (id string, found bool, err error) {
	there, err := c.groupThere(ctx, rememberedID)
	if err != nil || there {
		return rememberedID, there, err
	}
	ids, err := c.groupsNamed(ctx, name)
	switch {
	case err != nil || len(ids) == 0:
		return "", false, err
	case len(ids) > 1:
		return "", false, severalGroups(name, ids)
	}
	return ids[0], true, nil
}

func severalGroups(name string, ids []string) error {
	return &vendorapi.Error{
		Class: vendorapi.Rejected, Vendor: vendor, Operation: "find the group of blocked senders",
		Message: fmt.Sprintf("%d groups are called %q, with the ids %s", len(ids), name, strings.Join(ids, " and ")),
		Remedy:  "delete or rename all of them but one in the administration console, under Directories, Profile Groups",
	}
}

// groupThere says whether REST knows a group of this id.
func (c *Client) groupThere(ctx context.Context, id string) (bool, error) {
	path, err := restPath(pathGroupsREST, id, "")
	if err != nil || c.classicGroups.Load() {
		return false, nil //nolint:nilerr // what is no id is no group's
	}
	_, err = c.get(ctx, path, nil, nil)
	return err == nil, otherThan(err)
}

// membersThere says whether a group of this id, which has been given another name, is there in the classic style: that has no
// read of a group, only one of its members.
func (c *Client) membersThere(ctx context.Context, id string) (bool, error) {
	if id == "" || !c.classicGroups.Load() {
		return false, nil
	}
	_, _, err := c.membersClassic(ctx, id, "")
	return err == nil, otherThan(err)
}

// otherThan gives an error unless it means that what was asked for is not there.
func otherThan(err error) error {
	if refused, failed := errors.AsType[*vendorapi.Error](err); failed && (notOffered(refused) || aboutValues(refused)) {
		return nil
	}
	return err
}

// groupsNamed gives the ids of the groups with exactly this name. Both styles search for a part of it.
func (c *Client) groupsNamed(ctx context.Context, name string) ([]string, error) {
	var all []group
	err := restFirst(&c.classicGroups,
		func() (err error) {
			all, err = allPages(http.MethodGet+" "+pathGroupsREST, func(token string) ([]group, string, error) { return c.groupsREST(ctx, name, token) })
			return err
		},
		func() (err error) {
			all, err = allPages(http.MethodPost+" "+pathFindGroups, func(token string) ([]group, string, error) { return c.groupsClassic(ctx, name, token) })
			c.classicGroups.Store(err == nil)
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	var ids []string
	met := map[text]bool{}
	for _, group := range all {
		ours := string(group.Description) == name && (group.Source == "" || group.Source.is(sourceCloud))
		if ours && group.ID != "" && !met[group.ID] {
			met[group.ID] = true
			ids = append(ids, string(group.ID))
		}
	}
	return ids, nil
}

func (c *Client) groupsREST(ctx context.Context, name, token string) ([]group, string, error) {
	query := c.pageQuery(token)
	query.Set("query", name)
	query.Set("source", sourceCloud)
	var page groupPageREST
	answer, err := c.get(ctx, pathGroupsREST, query, &page)
	switch {
	case err != nil:
		return nil, "", err
	case page.Groups == nil && page.Meta == nil:
		return nil, "", contractError(http.MethodGet+" "+pathGroupsREST, answer.Status, "the answer holds no list of groups")
	case page.Groups == nil:
		return nil, "", nil
	}
	return *page.Groups, page.Meta.next(), nil
}

func (c *Client) groupsClassic(ctx context.Context, name, token string) ([]group, string, error) {
	request := findGroupsRequest{Meta: c.pageMeta(token), Data: [1]findGroups{{Query: name, Source: sourceCloud}}}
	var page groupPageClassic
	answer, err := c.post(ctx, pathFindGroups, request, &page)
	if err != nil {
		return nil, "", err
	}
	if len(page.Fail) > 0 {
		return nil, "", partial(pathFindGroups, answer, page.Fail)
	}
	var groups []group
	for _, entry := range page.Data {
		groups = append(groups, entry.Folders...)
	}
	return groups, page.Meta.next(), nil
}

// createGroup makes a group under the root. A second call would make a second one.
func (c *Client) createGroup(ctx context.Context, name string) (id string, err error) {
	var out createdAnswer
	create := func(path string, body any) error {
		answer, err := c.post(ctx, path, body, &out)
		switch {
		case err != nil:
			return err
		case len(out.Fail) > 0:
			return partial(path, answer, out.Fail)
		}
		id = string(out.ID)
		if len(out.Data) > 0 {
			id = string(out.Data[0].ID)
		}
		if id == "" {
			return contractError(http.MethodPost+" "+path, answer.Status, "the answer holds no id of the group that was made")
		}
		return nil
	}
	err = restFirst(&c.classicGroups,
		func() error { return create(pathGroupsREST, newGroup{Description: name}) },
		func() error { return create(pathCreateGroup, newGroupRequest{Data: [1]newGroup{{Description: name}}}) },
	)
	return id, err
}

// DeleteGroup removes a group, which has to be empty; that it is not there is a success. Every failure is a
// *vendorapi.Error, one of class Rejected if there are members left. Contract section 5.1.
func (c *Client) DeleteGroup(ctx context.Context, id string) error {
	if strings.TrimSpace(id) == "" {
		return &vendorapi.Error{
			Class: vendorapi.Rejected, Vendor: vendor, Operation: http.MethodPost + " " + pathDeleteGroup, Message: "not sent: there is no id",
		}
	}
	err := c.removeClassic(ctx, pathDeleteGroup, id)
	if err == nil {
		c.made.forget(id)
	}
	return err
}
